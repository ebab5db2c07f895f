import type { Contest, RunOptions } from './contest.ts'
import { envoy } from './proxies/envoy.ts'
import { haproxy, haproxyMultiplexed } from './proxies/haproxy.ts'
import { nginx } from './proxies/nginx.ts'
import { weft } from './proxies/weft.ts'
import type { Certificates } from './rig/certificates.ts'
import { compileProgram } from './rig/compile.ts'
import { runH2load } from './rig/h2load.ts'
import { runHandshakes } from './rig/handshakes.ts'
import { runOpenLoop } from './rig/open-loop.ts'
import { runWrk } from './rig/wrk.ts'
import type { Scenario } from './scenario.ts'
import type { Column } from './table.ts'

/** What the scenarios share: certificates, the two backends, a folder. */
export interface Rig {
  readonly folder: string
  readonly certificates: Certificates
  readonly httpPort: number
  readonly grpcPort: number
  readonly options: RunOptions
}

const requestColumns: readonly Column[] = [
  { key: 'cpuUs', title: 'CPU us/request', digits: 2 },
  { key: 'perSecond', title: 'requests/s', digits: 0 },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'p99Ms', title: 'p99 ms', digits: 2 },
  { key: 'rssMiB', title: 'RSS MiB', digits: 0 },
  { key: 'errors', title: 'errors', digits: 0 },
]

const latencyColumns: readonly Column[] = [
  { key: 'p99Ms', title: 'p99 ms', digits: 2 },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
  { key: 'perSecond', title: 'requests/s', digits: 0 },
  { key: 'cpuUs', title: 'CPU us/request', digits: 2 },
  { key: 'errors', title: 'errors', digits: 0 },
]

const handshakeColumns: readonly Column[] = [
  { key: 'perCpuSecond', title: 'per CPU second', digits: 0 },
  { key: 'perSecond', title: 'handshakes/s', digits: 0 },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'p99Ms', title: 'p99 ms', digits: 2 },
  { key: 'rssMiB', title: 'RSS MiB', digits: 0 },
  { key: 'errors', title: 'errors', digits: 0 },
]

/** The rate of `fixed-rate-mtls-pair`, requests for each second. */
const fixedRate = 2000

const peers = [nginx, haproxy, envoy, weft]

/** The scenarios that are decided by a load program's count and the CPU time of the proxies, by name. */
export function createContest(scenario: Scenario, rig: Rig): Contest | undefined {
  switch (scenario) {
    case 'http1-plain':
    case 'http1-mtls-pair':
      return createHttp1(rig, scenario)
    case 'h2-tls-to-http1':
      return createHttp2(rig, { scenario, grpc: false })
    case 'grpc-mtls-pair':
      return createHttp2(rig, { scenario, grpc: true })
    case 'fixed-rate-mtls-pair':
      return createFixedRate(rig)
    case 'tls-handshake-full':
      return createHandshakes(rig, 'full')
    case 'tls-handshake-resumed':
      return createHandshakes(rig, 'resumed')
    default:
      return undefined
  }
}

/** CPU time for each request of HTTP/1.1, through one proxy or a pair. */
function createHttp1(rig: Rig, scenario: Scenario): Contest {
  const pair = scenario === 'http1-mtls-pair' ? rig.certificates : undefined
  return {
    scenario,
    contenders: pair === undefined ? peers : [nginx, haproxy, haproxyMultiplexed, envoy, weft],
    setup: { protocol: 'http1', tls: undefined, pair, backendPort: rig.httpPort },
    columns: requestColumns,
    measure: 'cpuUs',
    load: ({ port, seconds }) => runWrk(rig.options.loadCore, port, { seconds }),
  }
}

/** CPU time for each request of HTTP/2: over TLS to an HTTP/1.1 backend, or gRPC through a pair. */
function createHttp2(rig: Rig, { scenario, grpc }: { readonly scenario: Scenario; readonly grpc: boolean }): Contest {
  const { certificates, folder } = rig
  return {
    scenario,
    contenders: peers,
    setup: grpc
      ? { protocol: 'grpc', tls: undefined, pair: certificates, backendPort: rig.grpcPort }
      : { protocol: 'h2-to-http1', tls: certificates, pair: undefined, backendPort: rig.httpPort },
    columns: requestColumns,
    measure: 'cpuUs',
    load: ({ port, seconds }) => runH2load(rig.options.loadCore, port, { seconds, folder, grpc }),
  }
}

/** Latency at a fixed rate: the figure compared is the 99th percentile. */
function createFixedRate(rig: Rig): Contest {
  const program = compileProgram(rig.folder, 'open-loop', 'c')
  const { loadCore } = rig.options
  return {
    scenario: 'fixed-rate-mtls-pair',
    contenders: [nginx, haproxy, haproxyMultiplexed, envoy, weft],
    setup: { protocol: 'http1', tls: undefined, pair: rig.certificates, backendPort: rig.httpPort },
    columns: latencyColumns,
    measure: 'p99Ms',
    warmUp: ({ port, seconds }) => runWrk(loadCore, port, { seconds }),
    // Longer than other rounds: of 12,000 requests twelve are above the percentile 99.9.
    load: ({ port, seconds }) => runOpenLoop(loadCore, port, { program, perSecond: fixedRate, seconds: 2 * seconds }),
  }
}

/** TLS handshakes for each CPU second of the proxy, from nothing or from the session before. */
function createHandshakes(rig: Rig, kind: 'full' | 'resumed'): Contest {
  const program = compileProgram(rig.folder, 'handshakes', 'go')
  return {
    scenario: `tls-handshake-${kind}`,
    contenders: peers,
    setup: { protocol: 'h2-to-http1', tls: rig.certificates, pair: undefined, backendPort: rig.httpPort },
    columns: handshakeColumns,
    measure: 'perCpuSecond',
    load: ({ port, seconds }) => runHandshakes(rig.options.loadCore, port, { program, kind, seconds }),
  }
}
