import type { JsonObject } from '@bufbuild/protobuf'

import { awaitResponses, type HttpCase, request, send } from '../case.ts'

const filter = (headers: readonly JsonObject[]): Pick<HttpCase, 'filters'> => ({
  filters: [
    {
      name: 'envoy.filters.http.health_check',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
        pass_through_mode: false,
        headers: [...headers],
      },
    },
  ],
})
const path = { name: ':path', string_match: { exact: '/healthz' } }

/** `envoy.filters.http.health_check`: the proxy answers for itself. */
export const healthFilter: readonly HttpCase[] = [
  { name: 'health check of the proxy', ...filter([path]), steps: request('GET /healthz') },
  { name: 'health check of the proxy by HEAD', heads: [0], ...filter([path]), steps: request('HEAD /healthz') },
  { name: 'health check of another path', ...filter([path]), steps: request('GET /healthz/other') },
  {
    name: 'health check with one of two fields',
    ...filter([path, { name: 'x-probe', present_match: true }]),
    steps: request('GET /healthz'),
  },
  {
    name: 'health check with both fields',
    ...filter([path, { name: 'x-probe', present_match: true }]),
    steps: request('GET /healthz', ['X-Probe: 1']),
  },
  { name: 'health check without conditions', ...filter([]), steps: request('GET /any?thing') },
  {
    name: 'health check between requests',
    ...filter([path]),
    steps: [send(request('GET /healthz') + request('GET /x')), awaitResponses(2)],
  },
]
