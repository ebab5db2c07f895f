/** An application that speaks HTTP/2 without TLS and nothing else: says what it got, with a trailer. It listens on `$PORT`. */
import { createServer } from 'node:http2'

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => void parts.push(part))
  request.on('end', () => {
    const { method, url, httpVersion, authority } = request
    const body = Buffer.concat(parts).toString()
    response.writeHead(200, { 'content-type': 'application/json', trailer: 'x-end' })
    response.write(JSON.stringify({ method, path: url, version: httpVersion, authority, body }))
    response.addTrailers({ 'x-end': String(body.length) })
    response.end()
  })
})
server.listen(Number(process.env['PORT'] ?? '0'), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
