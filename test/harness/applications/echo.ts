/**
 * A small HTTP application: says what it got and who it is. It knows nothing of a mesh but what `weft run` puts into its
 * variables. Paths:
 *
 *     /status/503       that status
 *     /slow?ms=500      answers after that time
 *     /header?x-a=1     answers with these headers
 *     /env              its variables
 *     /get?url=U        calls U as the application would, and passes status and body on
 *     /flaky?key=K&fail=2   503 for the first two requests with this key, then 200
 *     anything else     method, path, headers, body, as JSON
 */
const version = process.env['SERVICE_VERSION'] ?? '-'
const pod = process.env['WEFT_WORKLOAD_ID'] ?? '-'
const failures = new Map<string, number>()

async function echo(request: Request, url: URL): Promise<Response> {
  return Response.json({
    version,
    pod,
    method: request.method,
    path: url.pathname + url.search,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  })
}

async function forward(target: string): Promise<Response> {
  const answer = await fetch(target)
  return new Response(await answer.text(), { status: answer.status })
}

function flaky(key: string, fail: number): Response {
  const seen = (failures.get(key) ?? 0) + 1
  failures.set(key, seen)
  return Response.json({ version, pod, seen }, { status: seen <= fail ? 503 : 200 })
}

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url)
  const status = /^\/status\/(\d{3})$/.exec(url.pathname)?.[1]
  if (status !== undefined) return Response.json({ version, pod }, { status: Number(status) })
  switch (url.pathname) {
    case '/slow':
      await Bun.sleep(Number(url.searchParams.get('ms') ?? '0'))
      return Response.json({ version, pod })
    case '/header':
      return Response.json({ version, pod }, { headers: Object.fromEntries(url.searchParams) })
    case '/env':
      return Response.json(process.env)
    case '/get':
      return forward(url.searchParams.get('url') ?? '')
    case '/flaky':
      return flaky(url.searchParams.get('key') ?? '', Number(url.searchParams.get('fail') ?? '1'))
    default:
      return echo(request, url)
  }
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT'] ?? '0'),
  idleTimeout: 60,
  fetch: answer,
})
// A server is to end by itself when it is told to: requests in flight are answered first.
process.on('SIGTERM', () => void server.stop().then(() => process.exit(Number(process.env['EXIT_CODE'] ?? '0'))))
process.on('SIGHUP', () => console.log('got SIGHUP'))
