/** `weft run --transparent`: an application without proxy variables is caught by the kernel's redirect. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000
const applications = resolve(import.meta.dir, '../harness/applications')

function natRules(): string {
  const { exitCode, stdout } = Bun.spawnSync(['iptables', '-w', '5', '-t', 'nat', '-S'])
  return exitCode === 0 ? stdout.toString() : ''
}

/** Why these tests cannot run here; empty when they can. */
function obstacle(): string {
  if (process.platform !== 'linux') return 'not Linux'
  if (process.getuid?.() !== 0) return 'not root'
  for (const program of ['iptables', 'setpriv', 'env']) if (Bun.which(program) === null) return `no ${program}`
  return natRules() === '' ? 'no right to the nat table' : ''
}

const why = obstacle()
if (why !== '') console.log(`transparent.test.ts is skipped: ${why}`)

let mesh: TestMesh
let asker: TestWorkload
let grpcAsker: TestWorkload

async function ask(path: string, query: Readonly<Record<string, string>> = {}): Promise<string> {
  const port = asker.record.ports[0]?.applicationPort ?? 0
  const answer = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(query).toString()}`)
  return answer.text()
}

describe.skipIf(why !== '')(`weft run --transparent${why === '' ? '' : ` (skipped: ${why})`}`, () => {
  beforeAll(async () => {
    mesh = await startTestMesh()
    await Promise.all([
      mesh.start({ service: 'reviews', ports: ['http:9080:auto'] }),
      mesh.start({
        service: 'catalog',
        application: [process.execPath, resolve(applications, 'grpc-server.ts')],
        ports: ['grpc:9000:auto'],
      }),
      mesh.start({
        service: 'upper',
        application: 'tcp-upper',
        ports: ['tcp:9000:auto'],
        options: ['--protocol', 'tcp'],
      }),
    ])
    const proxyVariables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']
    const without = ['env', ...proxyVariables.flatMap((name) => ['-u', name])]
    const start = (service: string, application: string) =>
      mesh.start({
        service,
        application: [...without, process.execPath, resolve(applications, application)],
        options: ['--transparent'],
      })
    ;[asker, grpcAsker] = await Promise.all([start('asker', 'asker.ts'), start('grpc-asker', 'grpc-client.ts')])
  }, limitMs)

  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  }, limitMs)

  test(
    'the application has no proxy variables',
    async () => {
      expect(await ask('/')).toBe('HTTP_PROXY=')
    },
    limitMs,
  )

  test(
    'an HTTP service is reached by its name and port, with the identity of the application',
    async () => {
      const answer = await ask('/http', { url: 'http://reviews:9080/reviews/0' })
      expect(answer).toStartWith('200 ')
      expect(JSON.parse(answer.slice(4))).toMatchObject({
        pod: 'reviews-v1',
        path: '/reviews/0',
        headers: {
          'x-forwarded-client-cert': expect.stringContaining('URI=spiffe://cluster.local/ns/default/sa/asker'),
        },
      })
    },
    limitMs,
  )

  test(
    'names and connections go on when the proxy is replaced by a new process',
    async () => {
      asker.signal('SIGUSR2')
      await waitUntil('it is replaced', async () => / serves in place of /.test(await asker.printed()), 20_000)
      expect(await ask('/http', { url: 'http://reviews:9080/reviews/0' })).toStartWith('200 ')
    },
    limitMs,
  )

  test(
    'routes hold for it',
    async () => {
      await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http: [{ match: [{ uri: { prefix: /tea } }], directResponse: { status: 418 } }, { route: [{ destination: { host: reviews } }] }]
`)
      expect(await ask('/http', { url: 'http://reviews:9080/tea' })).toStartWith('418 ')
      expect(await ask('/http', { url: 'http://reviews.default.svc.cluster.local:9080/' })).toStartWith('200 ')
    },
    limitMs,
  )

  test(
    'a gRPC service is reached by its name and port, and its routes hold',
    async () => {
      await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: catalog }
spec:
  hosts: [catalog]
  http:
    - match: [{ headers: { case: { exact: fault } } }]
      fault: { abort: { grpcStatus: NOT_FOUND, percentage: { value: 100 } } }
      route: [{ destination: { host: catalog } }]
    - route: [{ destination: { host: catalog } }]
`)
      const call = async (query: Readonly<Record<string, string>>): Promise<unknown> => {
        const port = grpcAsker.record.ports[0]?.applicationPort ?? 0
        const asked = new URLSearchParams({ target: 'catalog:9000', ...query }).toString()
        return (await fetch(`http://127.0.0.1:${port}/call?${asked}`)).json()
      }
      const uri = 'URI=spiffe://cluster.local/ns/default/sa/grpc-asker'
      expect(await call({ text: 'hello' })).toMatchObject({
        code: 0,
        replies: [{ text: 'hello', metadata: { 'x-forwarded-client-cert': expect.stringContaining(uri) } }],
      })
      expect(await call({ text: 'hello', meta: 'case:fault' })).toMatchObject({ code: 5, replies: [] })
    },
    limitMs,
  )

  test(
    'a TCP service is reached by its name and port',
    async () => {
      expect(await ask('/tcp', { host: 'upper', port: '9000', text: 'hello' })).toBe('upper-v1:HELLO')
    },
    limitMs,
  )

  test(
    'the rules are there while it runs, and gone when it has ended',
    async () => {
      const own = new RegExp(String.raw`^-N WEFT-\d+-${asker.record.supervisorPid}$`, 'm')
      expect(natRules()).toMatch(own)
      expect(await asker.stop()).toBe(0)
      await waitUntil('the rules are gone', () => !own.test(natRules()))
      expect(natRules()).not.toContain(`-${asker.record.supervisorPid}\n`)
    },
    limitMs,
  )
})
