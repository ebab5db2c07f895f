import { readFileSync } from 'node:fs'

import { caseName } from '../http/bootstrap.ts'
import type { RunningProxy } from '../http/proxies.ts'
import type { Telling } from './compare.ts'

/** Counters that both proxies have, and gauges that must be back at 0. */
const counted: readonly (readonly [name: string, label: string])[] = [
  ['envoy_http_downstream_rq_total', 'envoy_http_conn_manager_prefix'],
  ['envoy_http_downstream_rq_xx', 'envoy_http_conn_manager_prefix'],
  ['envoy_http_downstream_rq_active', 'envoy_http_conn_manager_prefix'],
  ['envoy_cluster_upstream_rq_total', 'envoy_cluster_name'],
  ['envoy_cluster_upstream_rq_xx', 'envoy_cluster_name'],
  ['envoy_cluster_upstream_rq_active', 'envoy_cluster_name'],
  ['envoy_cluster_upstream_rq_retry', 'envoy_cluster_name'],
  ['envoy_cluster_upstream_rq_timeout', 'envoy_cluster_name'],
]

/** What the proxy said of each case, by the case's number; the probe is left out of the log. */
export async function readTellings(proxy: RunningProxy, log: string, cases: number): Promise<readonly Telling[]> {
  const { host, port } = proxy.admin
  const stats = await (await fetch(`http://${host}:${port}/stats/prometheus`)).text()
  const counters = Array.from({ length: cases }, (): Record<string, number> => ({}))
  for (const line of stats.split('\n')) {
    const match = /^(\w+)\{(.*)\} (\d+)$/.exec(line)
    if (match === null) continue
    const [, name = '', labels = '', value = '0'] = match
    const known = counted.find(([other]) => other === name)
    if (known === undefined || Number(value) === 0) continue
    const owner = new RegExp(`${known[1]}="case[-_](\\d+)"`).exec(labels)?.[1]
    const code = /envoy_response_code_class="(\d)"/.exec(labels)?.[1] ?? ''
    const of = counters[Number(owner)]
    if (owner !== undefined && of !== undefined) of[`${name.slice('envoy_'.length)}${code}`] = Number(value)
  }
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
  return counters.map((own, index) => ({
    counters: Object.fromEntries(Object.entries(own).sort(([one], [other]) => (one < other ? -1 : 1))),
    log: lines
      .filter((line) => line.startsWith(`${caseName(index)} `) && !line.includes(' /probe '))
      .map((line) => line.slice(caseName(index).length + 1)),
  }))
}
