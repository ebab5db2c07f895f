/**
 * `npm run fuzz -- [TARGET ...] [--seconds N] [--jobs N] [--seed N] [--keep]`: every target, or those that are named, each in a process of its own.
 * The last line is `fuzz: N targets, N findings`; the exit code is 1 when there is a finding.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

import { listTargets } from './list-targets.ts'

/** Beyond its seconds a target has so long to try what is kept and to end; then it hangs. */
const graceSeconds = 60

/** Runs one target to its end; false when it found something or hangs. */
async function runTarget(name: string, seconds: number, seed: number, keep: boolean): Promise<boolean> {
  const args = ['--seconds', String(seconds), '--seed', String(seed), ...(keep ? ['--keep'] : [])]
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/${name}.ts`, ...args], {
    stdout: 'inherit',
    stderr: 'inherit',
  })
  let hangs = false
  const timer = setTimeout(
    () => {
      hangs = true
      child.kill('SIGKILL')
    },
    (seconds + graceSeconds) * 1000,
  )
  const code = await child.exited
  clearTimeout(timer)
  if (hangs)
    console.log(
      `${name}: seed ${seed}, 1 finding: an input takes longer than ${graceSeconds} s; run it again with this seed`,
    )
  return code === 0
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    keep: { type: 'boolean', default: false },
  },
})
const known = listTargets()
const unknown = positionals.filter((name) => !known.includes(name))
const seconds = Number(values.seconds)
const jobs = Number(values.jobs)
const seed = Number(values.seed)
if (unknown.length > 0 || !(seconds > 0) || !(jobs >= 1) || !Number.isSafeInteger(seed)) {
  console.error(`Expected targets of ${known.join(', ')}, and numbers for --seconds, --jobs and --seed`)
  process.exit(2)
}
const chosen = positionals.length > 0 ? positionals : known
const waiting = [...chosen]
let findings = 0
const work = async (): Promise<void> => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (!(await runTarget(name, seconds, seed, values.keep))) findings += 1
  }
}
await Promise.all(Array.from({ length: Math.floor(jobs) }, work))
console.log(`fuzz: ${chosen.length} targets, ${findings} findings, seed ${seed}`)
process.exit(findings === 0 ? 0 : 1)
