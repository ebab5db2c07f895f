import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandContext } from './command.ts'
import { palette } from './output/terminal.ts'
import { readFiles } from './read-files.ts'

function contextIn(cwd: string): CommandContext {
  const terminal = {
    out: () => {},
    err: () => {},
    interactive: false,
    size: () => ({ columns: 80, rows: 24 }),
    color: palette(false),
  }
  return { terminal, env: {}, cwd, readStdin: () => Promise.resolve('from: stdin\n') }
}

test('readFiles() reads files, directories in depth and standard input, with paths as the user would say them', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'weft-files-'))
  await mkdir(join(cwd, 'routes', 'deep'), { recursive: true })
  await writeFile(join(cwd, 'one.yaml'), 'a: 1\n')
  await writeFile(join(cwd, 'routes', 'b.yml'), 'b: 1\n')
  await writeFile(join(cwd, 'routes', 'deep', 'c.json'), '{}')
  await writeFile(join(cwd, 'routes', 'readme.md'), 'no')
  const files = await readFiles(['one.yaml', 'routes/', '-'], contextIn(cwd))
  expect(files.map(({ path }) => path)).toEqual(['one.yaml', 'routes/b.yml', 'routes/deep/c.json', '-'])
  expect(files.at(-1)?.text).toBe('from: stdin\n')
})
