/**
 * `npm test`: every test, in parallel processes; its last line is `N passed, N failed`. Arguments are passed on to
 * `bun test` (a folder, `-t NAME`).
 */
import { hasTests, runTests } from './run-tests.ts'

const folders = [
  'src',
  'tools',
  'bench',
  'examples',
  'fuzz',
  'test/attacks',
  'test/golden',
  'test/differential',
  'test/e2e',
]
const chosen = process.argv.slice(2)
const targets = chosen.length > 0 ? chosen : folders.filter(hasTests).map((folder) => `./${folder}/`)
const { passed, failed } = await runTests(['--parallel', ...targets])
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
