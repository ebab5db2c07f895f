import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { MeshError } from '../base/index.ts'
import { type BootstrapConfig, readBootstrap } from './config/index.ts'
import { inlineTlsFault } from './live/index.ts'
import { readTlsFile } from './read-tls-file.ts'

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
  const text = await readBootstrapText(bootstrap)
  return { config: compileBootstrapText(text, readTlsFile), text }
}

/** The text of a bootstrap. @throws {MeshError} WEFT_PROXY_BOOTSTRAP when its file cannot be read. */
export async function readBootstrapText(bootstrap: BootstrapSource): Promise<string> {
  return 'bootstrapText' in bootstrap ? bootstrap.bootstrapText : await readBootstrapFile(bootstrap.bootstrapPath)
}

/**
 * Compiles a bootstrap.
 *
 * @param readPem Reads the certificates, keys and bundles that it names.
 * @throws {MeshError} WEFT_PROXY_BOOTSTRAP with every fault and its line.
 */
export function compileBootstrapText(text: string, readPem: (path: string) => string): BootstrapConfig {
  const read = readBootstrap(text, { readFile: (path) => readFileSync(path, 'utf8'), readTlsFile: readPem })
  if (read.ok) {
    const { staticClusters, staticListeners, staticSecrets } = read.value
    const fault = inlineTlsFault({ clusters: staticClusters, listeners: staticListeners, secrets: staticSecrets })
    if (fault === undefined) return read.value
    throw new MeshError('WEFT_PROXY_BOOTSTRAP', `The bootstrap is refused: ${fault}`)
  }
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
