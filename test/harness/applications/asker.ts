/**
 * An application that knows nothing of a proxy and asks others by name, when it is asked to: `/http?url=U` and
 * `/tcp?host=H&port=P&text=T`. Answers with what it got.
 */
import { connect } from 'node:net'

function askTcp(host: string, port: number, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const parts: Buffer[] = []
  const socket = connect({ host, port, allowHalfOpen: true }, () => void socket.end(text))
  socket.on('data', (part) => parts.push(Buffer.from(part)))
  socket.on('end', () => resolve(Buffer.concat(parts).toString()))
  socket.on('error', reject)
  return promise
}

async function askHttp(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: 'manual' })
  return `${answer.status} ${await answer.text()}`
}

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT'] ?? '0'),
  fetch: async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    const asked = (name: string): string => searchParams.get(name) ?? ''
    try {
      if (pathname === '/http') return new Response(await askHttp(asked('url')))
      if (pathname === '/tcp') return new Response(await askTcp(asked('host'), Number(asked('port')), asked('text')))
      return new Response(`HTTP_PROXY=${process.env['HTTP_PROXY'] ?? ''}`)
    } catch (error) {
      return new Response(String(error), { status: 500 })
    }
  },
})
process.on('SIGTERM', () => process.exit(0))
