/**
 * `npm run check`: format, lint, strict types, import rules, docs of exports, error codes and limits. File and function sizes are
 * lint rules (`.oxlintrc.json`). Everything runs side by side; every fault is printed; exit 1 if there is any.
 */
import { checkErrorCodes } from './error-codes.ts'
import { checkExportDocs, checkIndexComments } from './export-docs.ts'
import { checkImports } from './import-rules.ts'
import { checkLimitDocs } from './limit-docs.ts'
import { root, sourceFiles } from './source-files.ts'

const folders = ['bin', 'src', 'test', 'tools', 'bench', 'examples', 'fuzz']

interface Outcome {
  readonly name: string
  readonly faults: readonly string[]
}

async function command(name: string, argv: readonly string[]): Promise<Outcome> {
  const run = Bun.spawn([...argv], {
    cwd: root,
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, NO_COLOR: '1' },
  })
  const [out, error, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  return { name, faults: exitCode === 0 ? [] : [`${out}${error}`.trim()] }
}

const bun = process.execPath
const present = folders.filter(
  (folder) => new Bun.Glob(`${folder}/**/*.ts`).scanSync({ cwd: root }).next().done !== true,
)
const sources = await sourceFiles(['src', 'bin'])
const outcomes = await Promise.all([
  command('format', [bun, 'fmt', '--no-script', '--check', ...present, 'package.json', 'tsconfig.json']),
  command('lint', [bun, `${root}/node_modules/.bin/oxlint`, '--type-aware', '--quiet', ...present]),
  command('types', [bun, 'check', '--no-script', '--all']),
  Promise.resolve({ name: 'import rules', faults: checkImports(sources) }),
  Promise.resolve({ name: 'docs of exports', faults: [...checkExportDocs(sources), ...checkIndexComments(sources)] }),
  checkErrorCodes(sources).then((faults) => ({ name: 'error codes', faults })),
  checkLimitDocs(sources).then((faults) => ({ name: 'docs of limits', faults })),
])

for (const { name, faults } of outcomes) {
  console.log(`${faults.length === 0 ? 'ok    ' : 'FAILED'} ${name}`)
  for (const fault of faults) console.log(fault)
}
process.exit(outcomes.every(({ faults }) => faults.length === 0) ? 0 : 1)
