/** `npm run build`: one self-contained executable, `dist/weft`, for this machine's platform. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dir, '..')
mkdirSync(`${root}/dist`, { recursive: true })
const run = Bun.spawnSync(
  [
    process.execPath,
    'build',
    '--compile',
    '--minify-syntax',
    '--minify-whitespace',
    // Parsed and compiled ahead: nothing is parsed again in each of the processes of a mesh.
    '--bytecode',
    '--format=esm',
    '--sourcemap=none',
    `${root}/bin/weft.ts`,
    '--outfile',
    `${root}/dist/weft`,
  ],
  { cwd: root, stdout: 'inherit', stderr: 'inherit' },
)
process.exit(run.exitCode)
