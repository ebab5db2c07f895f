import { type Application, json, podName } from './application.ts'
import { renderPage } from './page.ts'
import { askPeer, forwardHeaders, peerUrl, type PeerAnswer } from './peer.ts'

const peerTimeoutMs = 12_000

const catalogue = [
  {
    id: 0,
    title: 'The Tempest',
    descriptionHtml:
      'A magician and his daughter on an island, a ship on the rocks, and a spirit that wants its freedom: one of the last plays that Shakespeare wrote alone.',
  },
] as const

/** Who is signed in: the `end-user` header, else the session cookie. */
export function userOf(request: Request): string | undefined {
  const header = request.headers.get('end-user')
  if (header !== null) return header
  const cookie = /(?:^|;\s*)bookinfo-user=([^;]*)/.exec(request.headers.get('cookie') ?? '')?.[1]
  if (cookie === undefined || cookie === '') return undefined
  try {
    return decodeURIComponent(cookie)
  } catch {
    return undefined
  }
}

function peerHeaders(request: Request): Headers {
  const headers = forwardHeaders(request)
  const user = userOf(request)
  // A name that a header cannot carry is not sent, rather than failing the whole page.
  if (user !== undefined && /^[\x21-\x7e]+$/.test(user)) headers.set('end-user', user)
  return headers
}

function ask(request: Request, service: string, id: string): Promise<PeerAnswer> {
  return askPeer(`${peerUrl(service)}/${service}/${encodeURIComponent(id)}`, peerHeaders(request), peerTimeoutMs)
}

async function page(request: Request, version: string): Promise<Response> {
  const [details, reviews] = await Promise.all([ask(request, 'details', '0'), ask(request, 'reviews', '0')])
  const html = renderPage({
    title: catalogue[0].title,
    description: catalogue[0].descriptionHtml,
    user: userOf(request),
    details,
    reviews,
    pod: podName({ service: 'productpage', version }),
  })
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
}

function redirectHome(cookie: string): Response {
  return new Response(null, { status: 303, headers: { location: '/productpage', 'set-cookie': cookie } })
}

async function relay(request: Request, service: string, params: ReadonlyMap<string, string>): Promise<Response> {
  const { status, body } = await ask(request, service, params.get('id') ?? '0')
  return json(status === 200 ? body : { error: `Sorry, ${service} are currently unavailable for this book` }, status)
}

/** The front: `/productpage` in HTML and `/api/v1/products...` in JSON; forwards `end-user`. */
export function productpage(version: string): Application {
  return {
    service: 'productpage',
    version,
    routes: {
      '/': () => new Response(null, { status: 302, headers: { location: '/productpage' } }),
      '/productpage': (request) => page(request, version),
      '/login': async (request) => {
        const form = new URLSearchParams(await request.text())
        const user = encodeURIComponent(form.get('username') ?? '')
        return redirectHome(`bookinfo-user=${user}; Path=/; HttpOnly; SameSite=Lax`)
      },
      '/logout': () => redirectHome('bookinfo-user=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0'),
      '/api/v1/products': () => json(catalogue),
      '/api/v1/products/:id': (request, params) => relay(request, 'details', params),
      '/api/v1/products/:id/reviews': (request, params) => relay(request, 'reviews', params),
      '/api/v1/products/:id/ratings': (request, params) => relay(request, 'ratings', params),
    },
  }
}
