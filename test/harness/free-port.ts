import { createServer } from 'node:net'

/** Below what the machine gives to outgoing connections and to port 0 (32768 up) and what `weft run` takes (15100 up). */
const first = 10_000
const count = 5_000

let asked = 0

/**
 * A free port, by default of 127.0.0.1: for programs that must be told their port, and for servers that a test stops and
 * starts again on the same port. No connection and no server with port 0 can be given it in between; processes begin at
 * different places, so that tests side by side do not meet.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < count; tries += 1) {
    const port = first + ((process.pid * 13 + asked) % count)
    asked += 1
    if (await isFree(host, port)) return port
  }
  throw new Error(`No port of ${host} from ${first} to ${first + count - 1} is free`)
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
