/**
 * `npm run lock`: rewrites `package-lock.json` from scratch and drops optional platform packages that the registry in use does
 * not have (some mirrors hold only common platforms). npm writes their names into the lock file without an entry, and
 * `npm ci` then refuses the whole file.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

import { root } from './run-tests.ts'

const lockSchema = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ optionalDependencies: z.record(z.string(), z.string()).optional() })),
})

const folder = mkdtempSync(join(tmpdir(), 'weft-lock-'))
try {
  await Bun.write(`${folder}/package.json`, Bun.file(`${root}/package.json`))
  const run = Bun.spawnSync(['npm', 'install', '--package-lock-only', '--ignore-scripts'], {
    cwd: folder,
    stderr: 'inherit',
  })
  if (run.exitCode !== 0) throw new Error(`npm install --package-lock-only ended with ${run.exitCode}`)
  const lock = lockSchema.parse(await Bun.file(`${folder}/package-lock.json`).json())
  let dropped = 0
  for (const entry of Object.values(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (`node_modules/${name}` in lock.packages || entry.optionalDependencies === undefined) continue
      Reflect.deleteProperty(entry.optionalDependencies, name)
      dropped += 1
    }
  }
  await Bun.write(`${root}/package-lock.json`, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(
    `package-lock.json: ${Object.keys(lock.packages).length} packages, ${dropped} optional names without an entry dropped`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
