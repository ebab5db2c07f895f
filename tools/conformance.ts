/**
 * `npm run conformance -- [NAME ...]`: judges that are not ours, each by name, all of them when none is given. The last line of each is
 * `NAME: N passed, N failed`; exit 1 if any has a failure.
 */
import { judgeHpack } from './conformance/hpack.ts'
import type { Verdict } from './conformance/verdict.ts'

const judges: Readonly<Record<string, () => Promise<Verdict>>> = { hpack: judgeHpack }

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !Object.hasOwn(judges, name))
if (unknown.length > 0) {
  console.error(`No judge named ${unknown.join(', ')}; there are: ${Object.keys(judges).join(', ')}`)
  process.exit(2)
}
let failures = 0
for (const [name, judge] of Object.entries(judges)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const { passed, faults } = await judge()
  for (const fault of faults) console.log(`FAILED ${fault}`)
  console.log(`${name}: ${passed} passed, ${faults.length} failed`)
  failures += faults.length
}
process.exit(failures === 0 ? 0 : 1)
