import { expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { testOutlierConfig } from '../data-plane-configs.fixture.ts'
import { anyTypes } from './any-types.ts'
import { compileCluster } from './compile-cluster.ts'
import type { CompileOptions } from './compile-context.ts'
import type { OutlierConfig } from './outlier-config.ts'

function compile(outlier: string, type = 'STATIC', options?: CompileOptions): ReturnType<typeof compileCluster> {
  const lbPolicy = type === 'ORIGINAL_DST' ? 'CLUSTER_PROVIDED' : 'ROUND_ROBIN'
  const json: JsonObject = parse(`{ name: c, type: ${type}, lb_policy: ${lbPolicy}, outlier_detection: ${outlier} }`)
  return compileCluster(fromJson(ClusterSchema, json, { registry: anyTypes }), options)
}

function compiled(outlier: string): OutlierConfig | undefined {
  const result = compile(outlier)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value.outlierDetection
}

function faults(outlier: string, type?: string): readonly string[] {
  const result = compile(outlier, type)
  return result.ok ? [] : result.error.map(({ path }) => path)
}

test('compileOutlierDetection() gives absent fields the defaults of Envoy', () => {
  expect(compiled('{}')).toEqual(testOutlierConfig())
  expect(compiled('{ base_ejection_time: 600s }')?.maxEjectionMs).toBe(600_000)
})

test('compileOutlierDetection() takes every field', () => {
  const config = compiled(`{
    consecutive_5xx: 1,
    interval: 2s,
    base_ejection_time: 3s,
    max_ejection_percent: 4,
    enforcing_consecutive_5xx: 5,
    enforcing_success_rate: 6,
    success_rate_minimum_hosts: 7,
    success_rate_request_volume: 8,
    success_rate_stdev_factor: 9,
    consecutive_gateway_failure: 10,
    enforcing_consecutive_gateway_failure: 11,
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: 13,
    enforcing_consecutive_local_origin_failure: 14,
    enforcing_local_origin_success_rate: 15,
    failure_percentage_threshold: 16,
    enforcing_failure_percentage: 17,
    enforcing_failure_percentage_local_origin: 18,
    failure_percentage_minimum_hosts: 19,
    failure_percentage_request_volume: 20,
    max_ejection_time: 21s,
    max_ejection_time_jitter: 22s,
    always_eject_one_host: true,
  }`)
  expect(config).toEqual({
    consecutive5xx: 1,
    intervalMs: 2000,
    baseEjectionMs: 3000,
    maxEjectionPercent: 4,
    successRate: { minimumHosts: 7, requestVolume: 8, stdevFactor: 9 },
    consecutiveGatewayFailure: 10,
    splitLocalOrigin: true,
    consecutiveLocalOriginFailure: 13,
    failurePercentage: { threshold: 16, minimumHosts: 19, requestVolume: 20 },
    maxEjectionMs: 21_000,
    maxEjectionJitterMs: 22_000,
    alwaysEjectOneHost: true,
    enforcing: {
      consecutive_5xx: 5,
      success_rate: 6,
      consecutive_gateway_failure: 11,
      consecutive_local_origin_failure: 14,
      local_origin_success_rate: 15,
      failure_percentage: 17,
      local_origin_failure_percentage: 18,
    },
  })
})

test.each([
  ['{ interval: 0s }', ['outlier_detection.interval']],
  ['{ base_ejection_time: 0s }', ['outlier_detection.base_ejection_time']],
  ['{ max_ejection_time: 29s }', ['outlier_detection.max_ejection_time']],
  ['{ max_ejection_percent: 101 }', ['outlier_detection.max_ejection_percent']],
  ['{ enforcing_consecutive_5xx: 101 }', ['outlier_detection.enforcing_consecutive_5xx']],
  ['{ monitors: [ { name: x } ] }', ['outlier_detection.monitors']],
])('compileOutlierDetection() refuses %s', (outlier, expected) => {
  expect(faults(outlier)).toEqual(expected)
})

test('compileCluster() refuses outlier detection where connections go to the address that was dialled', () => {
  expect(faults('{}', 'ORIGINAL_DST')).toEqual(['outlier_detection'])
})

test("compileCluster() refuses outlier detection for the proxy's own gRPC channels", () => {
  const result = compile('{}', 'STATIC', { controlChannel: true })
  expect(result.ok ? [] : result.error.map(({ path }) => path)).toEqual(['outlier_detection'])
})
