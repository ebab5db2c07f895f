/**
 * A TCP application that answers only when its peer has finished sending: everything it got, in upper case, and who it is.
 * So it works only if the end of each direction travels alone (half-close).
 */
import { createServer } from 'node:net'

const pod = process.env['WEFT_WORKLOAD_ID'] ?? '-'

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(Buffer.from(part)))
  socket.on('end', () => socket.end(`${pod}:${Buffer.concat(parts).toString().toUpperCase()}`))
  socket.on('error', () => socket.destroy())
})
server.listen(Number(process.env['PORT'] ?? '0'), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
