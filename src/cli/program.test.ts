import { describe, expect, test } from 'bun:test'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandContext } from './command.ts'
import { commands } from './commands.ts'
import { palette } from './output/terminal.ts'
import { runCli } from './program.ts'

function recorder(cwd = '/'): CommandContext & { readonly printed: { out: string; err: string } } {
  const printed = { out: '', err: '' }
  return {
    printed,
    terminal: {
      out: (text) => void (printed.out += text),
      err: (text) => void (printed.err += text),
      interactive: false,
      size: () => ({ columns: 80, rows: 24 }),
      color: palette(false),
    },
    env: { WEFT_HOME: '/nonexistent/weft-home' },
    cwd,
    readStdin: () => Promise.resolve(''),
  }
}

describe('runCli()', () => {
  test('runCli() prints every visible command and exits 0 when asked for help', async () => {
    const context = recorder()
    expect(await runCli(['--help'], context)).toBe(0)
    for (const { name, hidden } of commands) expect(context.printed.out.includes(`\n  ${name} `)).toBe(hidden !== true)
  })

  test.each([
    ['an unknown command', ['nope'], 'unknown command'],
    ['an unknown option', ['status', '--nope'], 'unknown option'],
    ['a missing mandatory option', ['apply'], '--filename'],
    ['a value outside the choices', ['status', '-o', 'xml'], 'Allowed choices'],
    ['an unknown kind', ['get', 'widgets'], 'Unknown kind widgets'],
    ['a malformed port', ['run', '--service', 'a', '--port', '70000', '--', 'true'], '--port'],
    ['a malformed duration', ['apply', '-f', '-', '--wait', '--timeout', 'soon'], 'control plane'],
    ['no command at all', [], ''],
  ])('runCli() prints to standard error and does not succeed for %s', async (_, argv, text) => {
    const context = recorder()
    expect(await runCli(argv, context)).not.toBe(0)
    expect(context.printed.err).toContain(text)
  })

  test('runCli() exits 2 for wrong usage and 1 for a failure', async () => {
    expect(await runCli(['get', 'widgets'], recorder())).toBe(2)
    const context = recorder()
    expect(await runCli(['status'], context)).toBe(1)
    expect(context.printed.err).toContain('[WEFT_CONTROL_NO_SERVER]')
    expect(context.printed.err).toContain('help: Start one with `weft up`')
  })

  test('runCli() leaves options after the application of `run` to the application', async () => {
    const context = recorder()
    const file = join(await mkdtemp(join(tmpdir(), 'weft-cli-')), 'none.json')
    expect(await runCli(['run', '--server', file, '--service', 'a', 'true', '--version', '--nope'], context)).toBe(1)
    expect(context.printed.err).toContain('WEFT_CONTROL_NO_SERVER')
  })

  test('runCli() says which file cannot be read', async () => {
    const context = recorder()
    expect(await runCli(['apply', '-f', 'missing.yaml'], context)).toBe(1)
    expect(context.printed.err).toContain('missing.yaml')
    expect(context.printed.err).toContain('[WEFT_CLI_FILE]')
  })

  test('runCli() refuses a directory without manifests', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'weft-cli-'))
    await writeFile(join(cwd, 'notes.txt'), 'x')
    const context = recorder(cwd)
    expect(await runCli(['diff', '-f', '.'], context)).toBe(1)
    expect(context.printed.err).toContain('No .yaml, .yml or .json file')
  })

  test.each(['bash', 'zsh', 'fish'])('runCli() prints a completion script with all commands for %s', async (shell) => {
    const context = recorder()
    expect(await runCli(['completion', shell], context)).toBe(0)
    for (const name of ['apply', 'status', 'run']) expect(context.printed.out).toContain(name)
    expect(context.printed.out).not.toContain('example')
  })

  test('runCli() prints the version as JSON', async () => {
    const context = recorder()
    expect(await runCli(['version', '-o', 'json'], context)).toBe(0)
    expect(JSON.parse(context.printed.out)).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  })
})
