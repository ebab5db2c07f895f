import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Contest, RunOptions } from './contest.ts'
import { envoy } from './proxies/envoy.ts'
import { haproxy, haproxyMultiplexed } from './proxies/haproxy.ts'
import { nginx } from './proxies/nginx.ts'
import { weft } from './proxies/weft.ts'
import type { Certificates } from './rig/certificates.ts'
import { runH2load } from './rig/h2load.ts'
import { runWrk } from './rig/wrk.ts'
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

/** The scenarios that compare CPU time for each request, by name. */
export function createContests(rig: Rig): readonly Contest[] {
  const { certificates, options } = rig
  const peers = [nginx, haproxy, envoy, weft]
  const request = { columns: requestColumns, measure: 'cpuUs' }
  const wrk: Contest['load'] = ({ port, seconds }) => runWrk(options.loadCore, port, { seconds })
  const h2load = (grpc: boolean): Contest['load'] => {
    const folder = join(rig.folder, `h2load-${grpc ? 'grpc' : 'tls'}`)
    mkdirSync(folder)
    return ({ port, seconds }) => runH2load(options.loadCore, port, { seconds, folder, grpc })
  }
  const http = { tls: undefined, pair: undefined, backendPort: rig.httpPort }
  return [
    { ...request, scenario: 'http1-plain', contenders: peers, setup: { ...http, protocol: 'http1' }, load: wrk },
    {
      ...request,
      scenario: 'http1-mtls-pair',
      contenders: [nginx, haproxy, haproxyMultiplexed, envoy, weft],
      setup: { ...http, protocol: 'http1', pair: certificates },
      load: wrk,
    },
    {
      ...request,
      scenario: 'h2-tls-to-http1',
      contenders: peers,
      setup: { ...http, protocol: 'h2-to-http1', tls: certificates },
      load: h2load(false),
    },
    {
      ...request,
      scenario: 'grpc-mtls-pair',
      contenders: peers,
      setup: { protocol: 'grpc', tls: undefined, pair: certificates, backendPort: rig.grpcPort },
      load: h2load(true),
    },
  ]
}
