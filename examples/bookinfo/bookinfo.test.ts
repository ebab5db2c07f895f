import { afterEach, expect, test } from 'bun:test'
import { parseAllDocuments } from 'yaml'
import { applications, manifests, type RunningApplication, startApplication } from './index.ts'
import { escapeHtml } from './page.ts'

const running: RunningApplication[] = []

function start(service: string, version: string): RunningApplication {
  const create = applications.get(service)
  if (create === undefined) throw new Error(`No application ${service}`)
  const application = startApplication(create(version), 0)
  running.push(application)
  process.env[`${service.toUpperCase()}_URL`] = application.url
  return application
}

afterEach(async () => {
  for (const application of running.splice(0)) await application.stop()
  for (const name of applications.keys()) delete process.env[`${name.toUpperCase()}_URL`]
})

interface ReviewsBody {
  readonly version: string
  readonly reviews: readonly { readonly rating?: object }[]
}

async function reviewsAt(url: string): Promise<{ readonly headers: Headers; readonly body: ReviewsBody }> {
  const response = await fetch(`${url}/reviews/0`)
  const body: ReviewsBody = JSON.parse(await response.text())
  return { headers: response.headers, body }
}

function reviewsOf(version: string) {
  start('ratings', 'v1')
  const { url } = start('reviews', version)
  return reviewsAt(url)
}

test('reviews v1 shows no stars', async () => {
  const { body, headers } = await reviewsOf('v1')
  expect(body.reviews.map((review: object) => 'rating' in review)).toEqual([false, false])
  expect(headers.get('x-app-version')).toBe('v1')
})

test.each([
  ['v2', 'black'],
  ['v3', 'red'],
])('reviews %s shows %s stars', async (version, color) => {
  const { body } = await reviewsOf(version)
  expect(body.version).toBe(version)
  expect(body.reviews[0]?.rating).toEqual({ stars: 5, color })
})

test('reviews says that ratings are unavailable when they are', async () => {
  process.env['RATINGS_URL'] = 'http://127.0.0.1:1'
  const { url } = start('reviews', 'v2')
  const { body } = await reviewsAt(url)
  expect(body.reviews[0]?.rating).toEqual({ error: 'Ratings service is currently unavailable' })
})

test('productpage shows details, reviews and who is signed in, and forwards end-user', async () => {
  const users: (string | null)[] = []
  const spy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      users.push(request.headers.get('end-user'))
      return Response.json({ id: 0, ratings: {} })
    },
  })
  start('details', 'v1')
  start('reviews', 'v3')
  process.env['RATINGS_URL'] = `http://127.0.0.1:${spy.port}`
  const { url } = start('productpage', 'v1')
  const page = await (await fetch(`${url}/productpage`, { headers: { cookie: 'bookinfo-user=jason' } })).text()
  expect(page).toContain('Signed in as <b>jason</b>')
  expect(page).toContain('William Shakespeare')
  expect(page).toContain('reviews v3')
  expect(users).toEqual(['jason'])
  const login = await fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ username: 'mary' }),
    redirect: 'manual',
  })
  expect(login.headers.get('set-cookie')).toContain('bookinfo-user=mary')
  await spy.stop(true)
})

test('productpage answers with the page also when a peer is away, and with its status in JSON', async () => {
  process.env['DETAILS_URL'] = 'http://127.0.0.1:1'
  process.env['REVIEWS_URL'] = 'http://127.0.0.1:1'
  const { url } = start('productpage', 'v1')
  const page = await fetch(`${url}/productpage`)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('Reviews are unavailable')
  expect((await fetch(`${url}/api/v1/products/0/reviews`)).status).toBe(503)
  expect(await (await fetch(`${url}/api/v1/products`)).json()).toHaveLength(1)
})

test('products names its version', async () => {
  const { url } = start('products', 'v3')
  const body = await (await fetch(`${url}/listproducts`)).json()
  expect(body).toMatchObject({ version: 'v3', count: 3 })
})

test('every application answers /health and 404 elsewhere', async () => {
  process.env['TRAFFIC_RPS'] = '0'
  for (const name of applications.keys()) {
    const { url } = start(name, 'v1')
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
  }
  delete process.env['TRAFFIC_RPS']
})

test('escapeHtml() leaves no markup of a user in the page', () => {
  expect(escapeHtml('<script>"&')).toBe('&lt;script&gt;&quot;&amp;')
})

test('manifests are well-formed YAML with a kind in every document', () => {
  for (const text of Object.values(manifests))
    for (const document of parseAllDocuments(text)) {
      if (!('errors' in document)) throw new Error('Expected documents')
      expect(document.errors).toEqual([])
      expect(document.get('kind')).toBeString()
    }
})
