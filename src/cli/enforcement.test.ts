import { expect, test } from 'bun:test'
import { waitForEnforcement } from './enforcement.ts'
import { palette } from './output/terminal.ts'

async function wait(answer: { affected: number; enforced: number; pending: { id: string; reason: string }[] }) {
  let text = ''
  const client = { enforcement: (revision: number) => Promise.resolve({ revision, ...answer }) }
  const code = await waitForEnforcement(client, { color: palette(false) }, 7, {
    timeoutMs: 1,
    print: (more) => void (text += more),
  })
  return { code, text }
}

test('waitForEnforcement() exits 0 when all proxies acknowledged', async () => {
  expect(await wait({ affected: 6, enforced: 6, pending: [] })).toEqual({
    code: 0,
    text: 'enforced on 6 of 6 proxies\n',
  })
  expect((await wait({ affected: 1, enforced: 1, pending: [] })).text).toBe('enforced on 1 of 1 proxy\n')
})

test('waitForEnforcement() exits 1 and names the proxies that have not', async () => {
  const { code, text } = await wait({
    affected: 2,
    enforced: 1,
    pending: [{ id: 'reviews-v1', reason: 'rejected: no such cluster' }],
  })
  expect(code).toBe(1)
  expect(text).toBe('enforced on 1 of 2 proxies\n  reviews-v1: rejected: no such cluster\n')
})
