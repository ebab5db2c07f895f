/**
 * `npm run conformance -- NAME...`: what others say about our protocols; all of it when no name is given. Each name ends with a
 * line `NAME: N passed, N failed`; exit 1 when anything failed. `--proxy envoy` puts real Envoy in Weft's place where a judge talks
 * to a proxy, which proves the judge.
 */
import { parseArgs } from 'node:util'

import type { ProxyKind } from './proxy-under-test.ts'

/** One judge: prints what is wrong, and counts. */
export interface Judge {
  run(proxy: ProxyKind): Promise<{ readonly passed: number; readonly failed: number }>
}

const judges: Readonly<Record<string, () => Promise<Judge>>> = {
  autobahn: () => import('./autobahn.ts'),
  differential: () => import('./differential.ts'),
  'grpc-interop': () => import('./grpc-interop.ts'),
  h2spec: () => import('./h2spec.ts'),
  hpack: () => import('./hpack.ts'),
  llhttp: () => import('./llhttp.ts'),
  smuggling: () => import('./smuggling.ts'),
}

const { values, positionals } = parseArgs({
  options: { proxy: { type: 'string', default: 'weft' } },
  allowPositionals: true,
})
const { proxy } = values
if (proxy !== 'weft' && proxy !== 'envoy') {
  console.error(`Expected --proxy weft or --proxy envoy, got ${proxy}`)
  process.exit(2)
}
const names = positionals.length > 0 ? positionals : Object.keys(judges)
let fine = true
for (const name of names) {
  const load = judges[name]
  if (load === undefined) {
    console.error(`No such judge: ${name}; there are ${Object.keys(judges).join(', ')}`)
    process.exit(2)
  }
  const { passed, failed } = await (await load()).run(proxy).catch((error: unknown) => {
    console.log(`FAILED ${String(error)}`)
    return { passed: 0, failed: 1 }
  })
  console.log(`${name}: ${passed} passed, ${failed} failed`)
  fine &&= failed === 0
}
process.exit(fine ? 0 : 1)
