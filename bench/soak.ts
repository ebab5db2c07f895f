/**
 * `npm run soak -- [--minutes 20] [--json FILE]`: mixed traffic at a fixed, moderate rate through three proxies, a fault of each kind in turn, and every 5 s a
 * look at what the proxies take. Exit 1 when memory grows, a descriptor or a gauge stays behind, or a request fails that no fault explains.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { checkBounds, printReport } from './soak/report.ts'
import { runSoak } from './soak/run.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' }, json: { type: 'string' } } })
const minutes = Number(values.minutes)
if (!(minutes >= 1 && minutes <= 600)) {
  console.error(`Expected 1 to 600 minutes, got ${values.minutes}`)
  process.exit(2)
}
const outcome = await runSoak(minutes)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(outcome, undefined, 1)}\n`)
printReport(outcome)
const broken = checkBounds(outcome)
for (const line of broken) console.log(`BROKEN ${line}`)
console.log(broken.length === 0 ? 'soak: passed' : `soak: ${broken.length} bounds broken`)
process.exit(broken.length === 0 ? 0 : 1)
