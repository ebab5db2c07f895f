import { createServer } from 'node:net'

/** A port of a loopback address, 127.0.0.1 by default, that was free a moment ago; for programs that must be told their port. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (typeof address !== 'object' || address === null) throw new Error('Expected the address of a TCP server')
  return address.port
}
