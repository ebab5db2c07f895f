import { basename, resolve } from 'node:path'

import { startPinned } from '../rig/process.ts'
import type { Contender, Setup } from '../scenario.ts'
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
    writeBootstraps(setup).map((path) =>
      startPinned(setup.core, [process.execPath, ...profiling(setup, path), entry, 'proxy', '-c', path]),
    ),
}

/** Options of the runtime that write a profile of the CPU when the proxy ends, both for tools and to read. */
function profiling({ profileFolder, protocol }: Setup, path: string): readonly string[] {
  if (profileFolder === undefined) return []
  const name = `${protocol}-${basename(path, '.json')}`
  return ['--cpu-prof', '--cpu-prof-md', `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${name}`]
}
