import { expect, test } from 'bun:test'
import { join } from 'node:path'

/** What the test needs of the machine; the reason for skipping it is in its title. */
const missing =
  process.platform !== 'linux'
    ? 'Linux'
    : process.getuid?.() !== 0
      ? 'root'
      : ['ip', 'iptables', 'setpriv'].find((tool) => Bun.which(tool) === null)

test.skipIf(missing !== undefined)(
  `a redirected connection goes where it wanted to go${missing === undefined ? '' : ` (skipped: needs ${missing})`}`,
  async () => {
    const namespace = `weft-test-${process.pid}`
    const run = (...command: string[]): void => {
      const { exitCode, stderr } = Bun.spawnSync(command)
      if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`)
    }
    run('ip', 'netns', 'add', namespace)
    try {
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
      const child = Bun.spawn(
        [
          'ip',
          'netns',
          'exec',
          namespace,
          process.execPath,
          join(import.meta.dir, 'create-data-plane-transparent.fixture.ts'),
        ],
        { stdout: 'pipe', stderr: 'pipe' },
      )
      const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      expect({ exitCode: await child.exited, stderr }).toEqual({ exitCode: 0, stderr: '' })
      expect(JSON.parse(stdout)).toEqual({
        passthrough: 'direct:hi',
        byPort: 'chosen:hi',
        refused: '',
        timedOut: '',
        connectTimeouts: 1,
        notRedirected: '',
        openAfter: 0,
        edges: 2,
      })
    } finally {
      run('ip', 'netns', 'delete', namespace)
    }
  },
  15_000,
)
