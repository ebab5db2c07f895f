import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { requestPath, responseBytes } from '../job.ts'
import { startNginx } from '../proxies/nginx.ts'
import { type Pinned, startPinned } from './process.ts'

/** Starts the backend of HTTP/1.1: nginx that answers everything with 68 octets. */
export function startHttpBackend(core: number, port: number, folder: string): Pinned {
  const body = 'x'.repeat(responseBytes)
  return startNginx(
    core,
    folder,
    'backend',
    `server { listen 127.0.0.1:${port}; location / { return 200 "${body}"; } }`,
  )
}

/**
 * Starts the backend of gRPC: nghttpd, HTTP/2 with prior knowledge, that answers the call with one message of 68 octets (prefix and all) and
 * `grpc-status: 0` in the trailers. It is a file server and cheap: 5 us for each call, a gRPC server in Go takes 40.
 */
export function startGrpcBackend(core: number, port: number, folder: string): Pinned {
  const root = join(folder, 'grpc')
  const file = join(root, requestPath)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, Buffer.concat([Buffer.from([0, 0, 0, 0, responseBytes - 5]), Buffer.alloc(responseBytes - 5, 1)]))
  const types = join(folder, 'mime.types')
  writeFileSync(types, 'application/grpc grpc\n')
  return startPinned(core, [
    'nghttpd',
    '--no-tls',
    `--mime-types-file=${types}`,
    '--trailer',
    'grpc-status: 0',
    `--htdocs=${root}`,
    '--address=127.0.0.1',
    String(port),
  ])
}
