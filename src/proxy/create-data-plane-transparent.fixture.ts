import {
  connectTestClient,
  createEchoOwner,
  createRecordingOwner,
  createTestServer,
  until,
} from '../net/sockets.fixture.ts'
import { anyConnection } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import {
  createFakeTelemetry,
  testChain,
  testCluster,
  testEndpoint,
  testListener,
  testTcpProxy,
} from './data-plane-configs.fixture.ts'

// Runs inside a network namespace of its own, started by create-data-plane-transparent.test.ts; prints what happened as JSON.

/** Traffic of this user is redirected, ours (root) is not: the usual way around the proxy for the proxy itself. */
const CLIENT_USER = '65534'

async function main(): Promise<void> {
  const direct = createTestServer(() => createEchoOwner('direct:'))
  const chosen = createTestServer(() => createEchoOwner('chosen:'))
  const telemetry = createFakeTelemetry()
  await using plane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'default', workload: 'w', clusterId: 'weft', labels: {} },
    telemetry,
    createHttpServer: () => {
      throw new Error('no HTTP in this test')
    },
  })
  plane.putCluster(testCluster('PassthroughCluster', { discovery: 'original-dst', balancer: { kind: 'original-dst' } }))
  plane.putCluster(testCluster('chosen', { endpoints: [testEndpoint(chosen.port)] }))
  // Packets to this port are dropped below: the connection can only time out.
  plane.putCluster(testCluster('silent', { endpoints: [testEndpoint(6660)], connectTimeoutMs: 50 }))
  const bound = await plane.putListener(
    testListener(
      'outbound_transparent',
      [
        testChain(testTcpProxy('chosen'), { match: { ...anyConnection, destinationPort: 7777 } }),
        testChain(testTcpProxy('silent'), { match: { ...anyConnection, destinationPort: 6666 } }),
      ],
      { originalDestination: true, defaultFilterChain: testChain(testTcpProxy('PassthroughCluster')) },
    ),
  )
  if (!bound.ok) throw new Error(bound.error.message)
  const { port } = bound.value
  for (const rule of [
    `-t nat -A OUTPUT -p tcp -m owner --uid-owner ${CLIENT_USER} -j REDIRECT --to-ports ${port}`,
    '-A INPUT -p tcp --dport 6660 -j DROP',
  ]) {
    const iptables = Bun.spawnSync(['iptables', ...rule.split(' ')])
    if (iptables.exitCode !== 0) throw new Error(iptables.stderr.toString())
  }

  const results = {
    passthrough: await askAsClient(direct.port),
    byPort: await askAsClient(7777),
    refused: await askAsClient(9),
    timedOut: await askAsClient(6666),
    connectTimeouts: telemetry.values.get('envoy_cluster_upstream_cx_connect_timeout')?.value,
    notRedirected: await askDirectly(port),
    openAfter: 0,
    edges: telemetry.edges.length,
  }
  await until(() => plane.describe().listeners[0]?.connections === 0, 'all connections to end')
  results.openAfter = plane.describe().listeners[0]?.connections ?? -1
  await Bun.write(Bun.stdout, JSON.stringify(results))
  direct[Symbol.dispose]()
  chosen[Symbol.dispose]()
}

/** Connects to a loopback port as the redirected user, with a tool that knows nothing of proxies. */
async function askAsClient(port: number): Promise<string> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf hi >&3 && timeout 3 head -c 9 <&3`
  const child = Bun.spawn(
    ['setpriv', `--reuid=${CLIENT_USER}`, `--regid=${CLIENT_USER}`, '--clear-groups', 'bash', '-c', script],
    { stdout: 'pipe', stderr: 'ignore' },
  )
  return new Response(child.stdout).text()
}

/** A connection to the proxy's own port that was not redirected: it must end, not go round and round. */
async function askDirectly(port: number): Promise<string> {
  const owner = createRecordingOwner()
  const socket = await connectTestClient(port, owner)
  socket.write('hi')
  await until(() => owner.closed, 'the refusal')
  return owner.text()
}

await main()
// The connection attempt that timed out lives in the kernel for two minutes more and would hold the process.
process.exit(0)
