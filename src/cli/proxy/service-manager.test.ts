import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { notifyServiceManager, removeOwnFile, writeOwnFile } from './service-manager.ts'

/** A stand-in for systemd: prints the first datagram that comes. */
const receiver = `
import socket, sys
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
one.settimeout(15)
one.bind(sys.argv[1].replace('@', '\\0', 1))
print('bound', end='', flush=True)
print(one.recv(4096).decode(), end='', flush=True)
`

for (const kind of ['path', 'abstract'] as const) {
  test(`notifyServiceManager() names this process as ready and main, to a socket of kind ${kind}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weft-notify-'))
    const path = kind === 'path' ? join(directory, 'notify') : `@weft-${process.pid}`
    const manager = Bun.spawn(['python3', '-c', receiver, path], { stdout: 'pipe' })
    const reader = manager.stdout.getReader()
    const read = async () => new TextDecoder().decode((await reader.read()).value)
    expect(await read()).toBe('bound')
    notifyServiceManager({ NOTIFY_SOCKET: path })
    expect(await read()).toBe(`READY=1\nMAINPID=${process.pid}\n`)
    await manager.exited
    await rm(directory, { recursive: true })
  }, 20_000)
}

test('notifyServiceManager() does nothing without a manager, or when it is gone', () => {
  notifyServiceManager({})
  notifyServiceManager({ NOTIFY_SOCKET: '/nowhere/notify' })
})

test('removeOwnFile() removes the file of this process and leaves that of its successor', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-pid-'))
  const path = join(directory, 'pid')
  await writeOwnFile(path, 'more')
  expect(await Bun.file(path).text()).toBe(`${process.pid} more\n`)
  await removeOwnFile(path)
  await waitUntil('it is gone', async () => !(await Bun.file(path).exists()))
  await writeFile(path, '1\n')
  await removeOwnFile(path)
  expect(await Bun.file(path).text()).toBe('1\n')
  await rm(directory, { recursive: true })
})
