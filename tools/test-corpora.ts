/** `npm run test:corpora`: tests against data that no one here wrote, in `../shared/corpora`; they run when that folder exists. */
import { existsSync } from 'node:fs'

import { root, runTests } from './run-tests.ts'

if (!existsSync(`${root}/../shared/corpora`)) {
  console.log('The folder ../shared/corpora does not exist: nothing to test against')
  console.log('test:corpora: 0 passed, 0 failed')
  process.exit(0)
}
const { passed, failed } = await runTests(['./test/corpora/', ...process.argv.slice(2)])
console.log(`test:corpora: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
