import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a finding is written with. */
export interface WrittenFinding {
  readonly input: Buffer
  readonly message: string
}

/** Writes the input and, beside it, the seed and what does not hold to `fuzz/findings/`; answers the path of the input. */
export function writeFinding(target: string, seed: number, finding: WrittenFinding): string {
  const folder = join(import.meta.dir, 'findings')
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(finding.input).digest('hex').slice(0, 12)
  const path = join(folder, `${target}-${digest}`)
  writeFileSync(`${path}.bin`, finding.input)
  writeFileSync(`${path}.txt`, `seed: ${seed}\n${finding.message}\n`)
  return `fuzz/findings/${target}-${digest}.bin`
}
