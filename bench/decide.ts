/**
 * Time of one routing decision: 20 virtual hosts, 50 routes in the one that is asked, exact, prefix, regex and header matches.
 * Run: `bun bench/decide.ts`. Prints nanoseconds per decision by kind of request.
 */
import { fromJson, type JsonValue } from '@bufbuild/protobuf'

import { compileRouteConfiguration } from '../src/proxy/config/index.ts'
import { toRequestView, type RequestView, type RouteTable } from '../src/proxy/route/index.ts'
import { RouteConfigurationSchema } from '../src/xds/generated/envoy/config/route/v3/route_pb.ts'

const decisions = 2_000_000

function benchTable(): RouteTable {
  const routes: JsonValue[] = []
  for (let index = 0; index < 24; index++) {
    routes.push({ match: { path: `/api/v1/resource${index}` }, route: { cluster: `exact${index}` } })
    routes.push({ match: { prefix: `/api/v1/service${index}/` }, route: { cluster: `prefix${index}` } })
  }
  routes.push({ match: { safe_regex: { regex: '/api/v[0-9]+/special' } }, route: { cluster: 'regex' } })
  routes.push({
    match: { prefix: '/', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] },
    route: { cluster: 'jason' },
  })
  const weighted_clusters = {
    clusters: [
      { name: 'v1', weight: 90 },
      { name: 'v2', weight: 10 },
    ],
  }
  routes.push({ match: { prefix: '/' }, route: { weighted_clusters } })
  const hosts: JsonValue[] = Array.from({ length: 19 }, (_, index) => ({
    name: `host${index}`,
    domains: [`host${index}:9080`, `host${index}.default.svc.cluster.local:9080`],
    routes: [{ match: { prefix: '/' }, route: { cluster: `host${index}` } }],
  }))
  hosts.push({ name: 'reviews', domains: ['reviews:9080'], routes })
  const result = compileRouteConfiguration(fromJson(RouteConfigurationSchema, { name: 'bench', virtual_hosts: hosts }))
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function measure(name: string, table: RouteTable, requests: readonly RequestView[]): void {
  let state = 1
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  const run = (count: number): number => {
    let forwards = 0
    for (let index = 0; index < count; index++) {
      const request = requests[index % requests.length]
      if (request !== undefined && table.decide(request, random).kind === 'forward') forwards++
    }
    return forwards
  }
  run(decisions / 10)
  const start = performance.now()
  const forwards = run(decisions)
  const nanoseconds = ((performance.now() - start) * 1e6) / decisions
  if (forwards !== decisions) throw new Error(`Expected ${decisions} forwards, got ${forwards}`)
  console.log(`${name.padEnd(28)} ${nanoseconds.toFixed(0).padStart(6)} ns/decision`)
}

const table = benchTable()
const view = (path: string, headers: Record<string, string> = {}): RequestView =>
  toRequestView({ authority: 'reviews:9080', path, headers })
measure('one route (other host)', table, [toRequestView({ authority: 'host7:9080', path: '/reviews/0' })])
measure('exact path of 50 routes', table, [view('/api/v1/resource3'), view('/api/v1/resource23')])
measure('prefix of 50 routes', table, [view('/api/v1/service3/x'), view('/api/v1/service23/y')])
measure('weighted, last of 50 routes', table, [view('/reviews/0')])
measure('header, 50th of 51 routes', table, [view('/reviews/0', { 'end-user': 'jason' })])
measure('regex, 49th of 51 routes', table, [view('/api/v1/special')])
