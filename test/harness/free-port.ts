import { createServer } from 'node:net'

/** A port of 127.0.0.1 that was free a moment ago; for programs that must be told their port. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (typeof address !== 'object' || address === null) throw new Error('Expected the address of a TCP server')
  return address.port
}
