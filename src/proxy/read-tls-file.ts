import { readFileSync, statSync } from 'node:fs'

/** Largest TLS file that is read: whole bundles of public roots are below 300 KiB. */
const maxTlsFileBytes = 1024 * 1024

/**
 * Reads a PEM file that a cluster of the control plane names (a DestinationRule's `caCertificates` and the like). Read
 * when the cluster arrives, as Envoy does; a change of the file counts from the cluster's next version on.
 *
 * @throws {Error} If it is no regular file, too large or not readable.
 */
export function readTlsFile(path: string): string {
  const status = statSync(path)
  if (!status.isFile()) throw new Error('not a regular file')
  if (status.size > maxTlsFileBytes) throw new Error(`larger than ${maxTlsFileBytes} bytes`)
  return readFileSync(path, 'utf8')
}
