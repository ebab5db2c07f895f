/** Ports that declare HTTP/2, called in both versions, and WebSocket through the mesh; Envoy on one of each side where it is installed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { resolve } from 'node:path'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'

const limitMs = 60_000

const hasEnvoy = Bun.which('envoy') !== null
if (!hasEnvoy) console.log('http2-and-web-socket.test.ts: no envoy on the PATH, all proxies are those of Weft')

let mesh: TestMesh
let clients: readonly TestWorkload[] = []

function application(name: string): readonly string[] {
  return [process.execPath, resolve(import.meta.dir, '../harness/applications', `${name}.ts`)]
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly end: unknown
}

/** A POST in HTTP/2 without TLS, as the first bytes of the connection. */
function post(port: number, authority: string, body: string): Promise<Answer> {
  const { promise, resolve: done, reject } = Promise.withResolvers<Answer>()
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', reject)
  const stream = session.request({ ':method': 'POST', ':path': '/here', ':authority': authority })
  let [status, text, end]: [number, string, unknown] = [0, '', undefined]
  stream.on('response', (headers) => (status = Number(headers[':status'])))
  stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
  stream.on('trailers', (trailers) => (end = trailers['x-end']))
  stream.on('error', reject)
  stream.on('end', () => {
    session.close()
    done({ status, body: text.startsWith('{') ? JSON.parse(text) : text, end })
  })
  stream.end(body)
  return promise
}

/** Says each of the texts, and resolves with what came: the greeting of the application and the echoes. */
function talk(url: string, host: string | undefined, texts: readonly string[]): Promise<readonly string[]> {
  const { promise, resolve: done, reject } = Promise.withResolvers<readonly string[]>()
  const got: string[] = []
  const socket = new WebSocket(url, host === undefined ? {} : { headers: { host } })
  socket.addEventListener('message', ({ data }) => {
    got.push(String(data))
    const next = texts[got.length - 1]
    if (next === undefined) socket.close()
    else socket.send(next)
  })
  socket.addEventListener('close', () => done(got))
  socket.addEventListener('error', () => reject(new Error(`No WebSocket at ${url}`)))
  return promise
}

/** The status of a CONNECT and, of 200, what is answered to a GET inside the tunnel. */
function throughTunnel(port: number, host: string, path: string): Promise<string> {
  const { promise, resolve: done, reject } = Promise.withResolvers<string>()
  const asked = request({ host: '127.0.0.1', port, method: 'CONNECT', path: host })
  asked.on('connect', ({ statusCode }, socket) => {
    let text = `${statusCode} `
    if (statusCode === 200) socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    else socket.destroy()
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
    socket.on('error', reject)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => done(text))
  })
  asked.on('error', reject)
  asked.end()
  return promise
}

function loopbackPort(client: TestWorkload, name: string): number {
  return client.record.upstreams.find(({ host }) => host.startsWith(`${name}.`))?.loopbackPort ?? 0
}

/** Every client talks to both servers by both roads. */
async function eachTalks(): Promise<void> {
  for (const client of clients) {
    for (const service of ['chat', 'chat-envoy']) {
      const proxy = `ws://127.0.0.1:${client.record.httpProxyPort}/room`
      const own = `ws://127.0.0.1:${loopbackPort(client, service)}/room`
      for (const [url, host] of [
        [proxy, `${service}:8080`],
        [own, undefined],
      ] as const) {
        const [greeting = '', ...echoes] = await talk(url, host, ['one', 'two'])
        expect(JSON.parse(greeting)).toEqual({
          path: '/room',
          peer: expect.stringContaining(`URI=spiffe://cluster.local/ns/default/sa/${client.record.service}`),
        })
        expect(echoes).toEqual(['one', 'two'])
      }
    }
  }
}

describe(`HTTP/2 and WebSocket${hasEnvoy ? ', Envoy on one of each side' : ''}`, () => {
  beforeAll(async () => {
    mesh = await startTestMesh()
    const envoy = hasEnvoy ? ['--data-plane', 'envoy'] : []
    const serve = (service: string, name: string, port: string, options: readonly string[] = []) =>
      mesh.start({ service, application: application(name), ports: [port], options })
    await Promise.all([
      serve('web', 'http2-server', 'http2:8000:auto'),
      serve('web-envoy', 'http2-server', 'http2:8000:auto', envoy),
      serve('chat', 'web-socket', 'http:8080:auto'),
      serve('chat-envoy', 'web-socket', 'http:8080:auto', envoy),
    ])
    const called = ['web:8000', 'web-envoy:8000', 'chat:8080', 'chat-envoy:8080']
    const upstreams = called.flatMap((host) => ['--upstream', host])
    clients = await Promise.all([
      mesh.start({ service: 'shop', ports: [], options: upstreams }),
      mesh.start({ service: 'visitor', ports: [], options: [...upstreams, ...envoy] }),
    ])
  }, limitMs)

  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  }, limitMs)

  test(
    'a port of HTTP/2 is reached in HTTP/2 through the proxy and by its loopback port, with body and trailers',
    async () => {
      for (const client of clients) {
        for (const service of ['web', 'web-envoy']) {
          const through = await post(client.record.httpProxyPort, `${service}:8000`, 'hello')
          const body = { method: 'POST', path: '/here', version: '2.0', authority: `${service}:8000`, body: 'hello' }
          expect(through).toEqual({ status: 200, body, end: '5' })
          const direct = await post(loopbackPort(client, service), 'whatever', 'x'.repeat(200_000))
          expect(direct).toMatchObject({ status: 200, end: '200000' })
          expect(direct.body).toMatchObject({ authority: `${service}.default.svc.cluster.local:8000` })
        }
      }
    },
    limitMs,
  )

  test(
    'a client of HTTP/1.1 reaches it as well, and the application sees HTTP/2',
    async () => {
      for (const client of clients) {
        for (const service of ['web', 'web-envoy']) {
          const answer = await client.request(`http://${service}:8000/here`, { method: 'POST', body: 'hello' })
          expect(answer.status).toBe(200)
          expect(await answer.json()).toMatchObject({ version: '2.0', body: 'hello' })
        }
      }
    },
    limitMs,
  )

  test(
    'WebSocket passes both proxies, by loopback port and through the proxy, with the identity of the caller',
    async () => {
      await eachTalks()
    },
    limitMs,
  )

  test(
    'a tunnel through the proxy leads to services only, and its requests are routed',
    async () => {
      await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: chat }
spec:
  hosts: [chat]
  http: [{ match: [{ uri: { prefix: /tea } }], directResponse: { status: 418 } }, { route: [{ destination: { host: chat } }] }]
`)
      for (const { record } of clients) {
        const ask = (host: string, path: string) => throughTunnel(record.httpProxyPort, host, path)
        expect(await ask('chat:8080', '/')).toMatch(/^200 HTTP\/1.1 200 OK[^]*web-socket/)
        expect(await ask('chat:8080', '/tea')).toMatch(/^200 HTTP\/1.1 418 /)
        expect(await ask(`127.0.0.1:${record.adminPort}`, '/')).toBe('404 ')
      }
    },
    limitMs,
  )

  test(
    'with h2UpgradePolicy it travels in HTTP/2 between the proxies, and the application hears HTTP/1.1 all the same',
    async () => {
      const upgraded = (host: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host} }
spec: { host: ${host}, trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE } } } }
`
      await mesh.apply(['chat', 'chat-envoy'].map(upgraded).join('---'))
      await eachTalks()
      for (const client of clients)
        expect(await (await client.request('http://chat-envoy:8080/')).text()).toBe('web-socket')
    },
    limitMs,
  )
})
