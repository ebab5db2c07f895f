import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { MeshError } from '../base/index.ts'
import { type BootstrapConfig, readBootstrap } from './config/index.ts'

/** The bootstrap itself, or the path of its file: YAML or JSON, Envoy v3. */
export type BootstrapSource = { readonly bootstrapText: string } | { readonly bootstrapPath: string }

/** A bootstrap that was accepted. */
export interface LoadedBootstrap {
  readonly config: BootstrapConfig
  /** As it was read; it may hold secrets. */
  readonly text: string
}

/**
 * Reads and compiles a bootstrap, with the files that it names.
 *
 * @throws {MeshError} WEFT_PROXY_BOOTSTRAP with every fault and its line.
 */
export async function loadBootstrap(bootstrap: BootstrapSource): Promise<LoadedBootstrap> {
  const text = 'bootstrapText' in bootstrap ? bootstrap.bootstrapText : await readBootstrapFile(bootstrap.bootstrapPath)
  const read = readBootstrap(text, { readFile: (path) => readFileSync(path, 'utf8') })
  if (read.ok) return { config: read.value, text }
  const lines = read.error.map(({ path, message }) => `\n  ${path}: ${message}`)
  throw new MeshError('WEFT_PROXY_BOOTSTRAP', `The bootstrap is refused:${lines.join('')}`)
}

async function readBootstrapFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new MeshError('WEFT_PROXY_BOOTSTRAP', `Cannot read the bootstrap ${path}`, { cause })
  }
}
