import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { selfCommand } from './self-command.ts'

test('selfCommand() is the runtime with the entry point when run from source', () => {
  const [runtime, entry = ''] = selfCommand()
  expect(runtime).toBe(process.execPath)
  expect(entry).toEndWith('/bin/weft.ts')
  expect(existsSync(entry)).toBe(true)
})

test('selfCommand() is the executable alone when compiled', () => {
  expect(selfCommand('/$bunfs/root')).toEqual([process.execPath])
  expect(selfCommand('/$bunfs/root/src/cli')).toEqual([process.execPath])
})
