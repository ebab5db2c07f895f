import { afterAll, describe, expect, test } from 'bun:test'
import { CliError } from '../cli-error.ts'
import { openTransparentRedirect } from './transparent.ts'

function listing(): string {
  return Bun.spawnSync(['iptables', '-w', '5', '-t', 'nat', '-S']).stdout.toString()
}

/** Real rules need root, iptables and a kernel that has nat; elsewhere only the refusal can be tested. */
const possible =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  Bun.which('iptables') !== null &&
  Bun.which('setpriv') !== null &&
  Bun.which('curl') !== null &&
  Bun.spawnSync(['iptables', '-w', '5', '-t', 'nat', '-S']).exitCode === 0

describe.skipIf(!possible)('openTransparentRedirect()', () => {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('caught') })
  afterAll(() => server.stop(true))
  const port = server.port ?? 0

  async function get(url: string, groupId: number | undefined): Promise<string> {
    const group = groupId === undefined ? [] : ['setpriv', '--regid', String(groupId), '--clear-groups', '--']
    const child = Bun.spawn([...group, 'curl', '-s', '--noproxy', '*', '--max-time', '2', url], { stdout: 'pipe' })
    return new Response(child.stdout).text()
  }

  test('openTransparentRedirect() catches the connections of its group alone, leaves loopback, and leaves no rule behind', async () => {
    const direct = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('direct') })
    const redirect = await openTransparentRedirect()
    await redirect.enable({ transparentPort: port, dnsPort: port })
    expect(await get('http://240.240.0.9:8080/', redirect.groupId)).toBe('caught')
    expect(await get(`http://127.0.0.1:${direct.port}/`, redirect.groupId)).toBe('direct')
    expect(await get('http://240.240.0.9:8080/', undefined)).toBe('')
    await redirect[Symbol.asyncDispose]()
    expect(listing()).not.toContain(`--gid-owner ${redirect.groupId}`)
    await direct.stop(true)
  }, 15_000)

  test('openTransparentRedirect() redirects DNS queries', async () => {
    const queries: string[] = []
    const dns = await Bun.udpSocket({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data: (socket, data, from, address) => {
          queries.push(data.toString())
          socket.send('answer', from, address)
        },
      },
    })
    await using redirect = await openTransparentRedirect()
    await redirect.enable({ transparentPort: port, dnsPort: dns.port })
    const script = `const s = require('dgram').createSocket('udp4')
      s.on('message', (m) => { console.log(String(m)); s.close() }); s.send('query', 53, '192.0.2.53')
      setTimeout(() => process.exit(1), 3000).unref()`
    const child = Bun.spawn(
      ['setpriv', '--regid', String(redirect.groupId), '--clear-groups', '--', process.execPath, '-e', script],
      { stdout: 'pipe' },
    )
    expect((await new Response(child.stdout).text()).trim()).toBe('answer')
    expect(queries).toEqual(['query'])
    dns.close()
  }, 15_000)

  test('openTransparentRedirect() removes the rules of a supervisor that was killed', async () => {
    const killed = Bun.spawn(['true'])
    await killed.exited
    const chain = `WEFT-51999-${killed.pid}`
    for (const rule of [
      ['-N', chain],
      ['-A', 'OUTPUT', '-m', 'owner', '--gid-owner', '51999', '-j', chain],
    ])
      expect(Bun.spawnSync(['iptables', '-w', '5', '-t', 'nat', ...rule]).exitCode).toBe(0)
    await using _ = await openTransparentRedirect()
    expect(listing()).not.toContain(chain)
  })
})

test('openTransparentRedirect() fails closed when it may not change the rules', async () => {
  const refused = openTransparentRedirect(() => Promise.resolve({ ok: false, text: 'Permission denied' }))
  await expect(refused).rejects.toBeInstanceOf(CliError)
  await expect(refused).rejects.toMatchObject({ code: 'WEFT_RUN_TRANSPARENT' })
})
