/**
 * gRPC's interop cases that need no credentials, through two proxies with mutual TLS between them:
 *
 *     client ──h2──> client-side proxy ──h2, mTLS──> server-side proxy ──h2──> server
 *
 * grpc-go's client with grpc-go's server, and grpc-java's client with grpc-java's server, which has the cases of compression.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { makeCertificates } from '../../bench/rig/certificates.ts'
import { freePort } from '../../test/harness/free-port.ts'
import { waitUntil } from '../../test/harness/wait-until.ts'
import { installed } from './installed.ts'
import { isListening } from './is-listening.ts'
import { type ProxyKind, startProxy, toBootstrap, toCluster, toListener } from './proxy-under-test.ts'

const common = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
  'rpc_soak',
  'channel_soak',
  'orca_per_rpc',
  'orca_oob',
]
/** Of grpc-java alone; its server does not tell whether a request was compressed, so nothing asks that first. */
const compressed = [
  'client_compressed_unary_noprobe',
  'server_compressed_unary',
  'client_compressed_streaming_noprobe',
  'server_compressed_streaming',
]
/** Wants a server that tells its name. */
const named = 'pick_first_unary'

/** The soak cases are about failures; one of their calls includes the start of a Java client. */
const patience = '--soak_per_iteration_max_acceptable_latency_ms=10000'

/** The policy that hands load reports to the client, which the cases of ORCA look at. */
const orcaConfig = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'

/** Cases under way at once. */
const lanes = 4
/** How long a case may take, and how long a server may take to start. */
const caseMs = 60_000
const startMs = 30_000

/** One implementation's client and server. */
interface Implementation {
  readonly name: string
  readonly cases: readonly string[]
  readonly server: (port: number) => readonly string[]
  readonly client: (port: number, name: string) => readonly string[]
}

async function implementations(): Promise<readonly Implementation[]> {
  const [go, jars] = await Promise.all([installed.grpcGo(), installed.grpcJava()])
  const flags = (port: number, name: string): string[] => [
    ...['--server_host=127.0.0.1', `--server_port=${port}`, `--test_case=${name}`],
    ...(name.endsWith('_soak') ? [patience] : []),
    ...(name.startsWith('orca') ? [`--service_config_json=${orcaConfig}`] : []),
  ]
  const goClient = (port: number, name: string): string[] => [`${go}/client`, ...flags(port, name)]
  // Programs of a second each: no time is spent on compiling them well.
  const java = ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`]
  return [
    { name: 'Go', cases: common, server: (port) => [`${go}/server`, `--port=${port}`], client: goClient },
    {
      name: 'Go, named server',
      cases: [named],
      server: (port) => [`${go}/named-server`, `--port=${port}`],
      client: goClient,
    },
    {
      name: 'Java',
      cases: [...common, named, ...compressed],
      server: (port) => [...java, 'io.grpc.testing.integration.TestServiceServer', `--port=${port}`, '--use_tls=false'],
      client: (port, name) => [
        ...[...java, 'io.grpc.testing.integration.TestServiceClient', '--use_tls=false'],
        ...flags(port, name),
      ],
    },
  ]
}

/** Runs all cases of all clients; prints those that fail with the end of what the client said. */
export async function run(kind: ProxyKind): Promise<{ readonly passed: number; readonly failed: number }> {
  const tested = await implementations()
  const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const tls = makeCertificates(folder)
  const servers = await Promise.all(tested.map(({ server }) => startServer(stack, server)))
  const listener = (name: string, inbound: boolean) =>
    toListener({ name, cluster: name, codec: 'HTTP2', ...(inbound && { tls, mutual: true }) })
  const inbound = stack.use(
    await startProxy(
      kind,
      toBootstrap(
        tested.map(({ name }) => listener(name, true)),
        tested.map(({ name }, index) => toCluster({ name, port: servers[index] ?? 0, protocol: 'HTTP2' })),
      ),
      tested.length,
    ),
  )
  const outbound = stack.use(
    await startProxy(
      kind,
      toBootstrap(
        tested.map(({ name }) => listener(name, false)),
        tested.map(({ name }) => toCluster({ name, port: inbound.port(name), protocol: 'HTTP2', tls })),
      ),
      tested.length,
    ),
  )
  const waiting = tested.flatMap(({ name, cases, client }) =>
    cases.map((entry) => ({ name: `${name}: ${entry}`, argv: client(outbound.port(name), entry) })),
  )
  const total = waiting.length
  const faults: string[] = []
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const fault = await runClient(next.argv)
      if (fault !== '') faults.push(`${next.name}: ${fault}`)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  for (const fault of faults) console.log(`FAILED ${fault}`)
  return { passed: total - faults.length, failed: faults.length }
}

async function startServer(stack: AsyncDisposableStack, server: (port: number) => readonly string[]): Promise<number> {
  const port = await freePort()
  const argv = server(port)
  const child = Bun.spawn([...argv], { stdout: 'ignore', stderr: 'ignore' })
  stack.defer(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  await waitUntil(
    `${argv.join(' ')} listens`,
    () => {
      if (child.exitCode !== null) throw new Error(`${argv.join(' ')} ended with ${child.exitCode}`)
      return isListening(port)
    },
    startMs,
  )
  return port
}

/** What is wrong; empty when nothing is. A client ends with 0 when its case passed. */
async function runClient(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], { stdout: 'pipe', stderr: 'pipe', timeout: caseMs, killSignal: 'SIGKILL' })
  const [out, error, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (exitCode === 0) return ''
  return `ended with ${exitCode}: ${`${out}${error}`.trim().slice(-1500)}`
}
