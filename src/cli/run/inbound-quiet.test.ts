import { expect, test } from 'bun:test'
import { countInbound, untilInboundQuiet } from './inbound-quiet.ts'

test('countInbound() adds up what went to the application, and nothing else', () => {
  const text = [
    'inbound|9080||::127.0.0.1:9080::rq_active::1',
    'inbound|9080||::127.0.0.1:9080::rq_total::12',
    'inbound|9090||::127.0.0.1:9090::rq_total::3',
    'outbound|9080||ratings.default.svc.cluster.local::127.0.0.1:1::rq_total::100',
    'inbound|9080||::observability_name::inbound|9080||',
  ].join('\n')
  expect(countInbound(text)).toBe(15)
  expect(countInbound('')).toBe(0)
})

test('untilInboundQuiet() waits while requests go on coming in', async () => {
  let total = 0
  let looks = 0
  const admin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      looks += 1
      if (looks <= 5) total += 1
      return new Response(`inbound|80||::127.0.0.1:1::rq_total::${total}\n`)
    },
  })
  await untilInboundQuiet(admin.port ?? 0)
  expect(looks).toBeGreaterThan(6)
  await admin.stop(true)
})

test('untilInboundQuiet() does not wait for a proxy that is gone', async () => {
  const gone = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const port = gone.port ?? 0
  await gone.stop(true)
  await untilInboundQuiet(port)
})
