import { resolve } from 'node:path'

import { startPinned } from '../rig/process.ts'
import type { Contender } from '../scenario.ts'
import { writeBootstraps } from './bootstrap.ts'

const entry = resolve(import.meta.dir, '../../bin/weft.ts')

/** Weft, from this checkout, with the same bootstrap files as Envoy. */
export const weft: Contender = {
  name: 'weft',
  missing: () => undefined,
  version: () => {
    const run = Bun.spawnSync(['git', 'rev-parse', '--short', 'HEAD'], { stderr: 'ignore' })
    return run.exitCode === 0 ? run.stdout.toString().trim() : 'unknown'
  },
  start: (setup) =>
    writeBootstraps(setup).map((path) => startPinned(setup.core, [process.execPath, entry, 'proxy', '-c', path])),
}
