import { MeshError } from '../base/index.ts'
import type { BootstrapConfig } from './config/index.ts'
import { tlsFilePollMs, TlsFileWatch } from './live/index.ts'
import { type BootstrapSource, compileBootstrapText, readBootstrapText } from './load-bootstrap.ts'
import { readTlsFile } from './read-tls-file.ts'

/** A bootstrap whose certificates, keys and bundles are read again when their files change. The bootstrap's own text is read once. */
export interface FollowedBootstrap extends Disposable {
  readonly config: BootstrapConfig
  /** As it was read; it may hold secrets. */
  readonly text: string
  /** Starts to follow the files; `fault` instead of `next`: the last good ones stay in use. */
  readonly follow: (onChange: (next: BootstrapConfig | undefined, fault: string) => void) => void
}

/**
 * Reads and compiles a bootstrap.
 *
 * @throws {MeshError} WEFT_PROXY_BOOTSTRAP with every fault and its line.
 */
export async function openBootstrap(source: BootstrapSource): Promise<FollowedBootstrap> {
  const text = await readBootstrapText(source)
  let onChange: (next: BootstrapConfig | undefined, fault: string) => void = () => undefined
  const watch = new TlsFileWatch({
    read: readTlsFile,
    pollMs: tlsFilePollMs,
    onChange: () => {
      try {
        onChange(compileBootstrapText(text, watch.reader(new Set())), '')
      } catch (cause) {
        if (!(cause instanceof MeshError)) throw cause
        onChange(undefined, cause.message)
      }
    },
  })
  const files = new Set<string>()
  const config = compileBootstrapText(text, watch.reader(files))
  return {
    config,
    text,
    follow: (listener) => {
      onChange = listener
      watch.follow('bootstrap', files)
    },
    [Symbol.dispose]: () => watch.close(),
  }
}
