import { expect, test } from 'bun:test'
import { palette } from '../output/terminal.ts'
import { edgeCounts, edgeDifference, quantile } from './edge-counts.ts'
import { renderEdges } from './edge-view.ts'
import { parsePrometheus } from './parse-prometheus.ts'

function exposition(v1: number, v3: number, failed: number): string {
  const labels = (version: string, code: string) =>
    `reporter="source",source_workload="productpage-v1",destination_service_name="reviews",destination_version="${version}",response_code="${code}"`
  return [
    '# TYPE istio_requests_total counter',
    `istio_requests_total{${labels('v1', '200')}} ${v1}`,
    `istio_requests_total{${labels('v3', '200')}} ${v3}`,
    `istio_requests_total{${labels('v3', '503')}} ${failed}`,
    `istio_requests_total{reporter="destination",source_workload="x",destination_service_name="reviews",destination_version="v1",response_code="200"} 99`,
    `istio_request_duration_milliseconds_bucket{${labels('v1', '200')},le="1"} ${v1 / 2}`,
    `istio_request_duration_milliseconds_bucket{${labels('v1', '200')},le="5"} ${v1}`,
    `istio_request_duration_milliseconds_bucket{${labels('v1', '200')},le="+Inf"} ${v1}`,
    '',
  ].join('\n')
}

test('parsePrometheus() reads labels with escapes and passes over what it cannot read', () => {
  const samples = parsePrometheus('# HELP a b\na{x="q\\"\\n\\\\,}",y="2"} 1.5\nbroken line here\nb 3 1700000000\n')
  expect(samples.map(({ name, value }) => [name, value])).toEqual([
    ['a', 1.5],
    ['b', 3],
  ])
  expect(samples[0]?.labels.get('x')).toBe('q"\n\\,}')
})

test('edgeCounts() sums the client side by version and counts answers below 500 as good', () => {
  const edges = edgeCounts(parsePrometheus(exposition(80, 15, 5)))
  expect([...edges.values()].map(({ version, requests, good }) => [version, requests, good])).toEqual([
    ['v1', 80, 80],
    ['v3', 20, 15],
  ])
})

test('edgeDifference() counts between two looks and starts anew after a restart', () => {
  const first = edgeCounts(parsePrometheus(exposition(80, 15, 5)))
  const second = edgeCounts(parsePrometheus(exposition(100, 15, 5)))
  expect([...edgeDifference(first, second).values()].map(({ requests }) => requests)).toEqual([20, 0])
  expect([...edgeDifference(second, first).values()][0]?.requests).toBe(80)
})

test('quantile() interpolates within the bucket', () => {
  const buckets = [
    [1, 50],
    [5, 100],
    [Number.POSITIVE_INFINITY, 100],
  ] as const
  expect(quantile(buckets, 0.5)).toBe(1)
  expect(quantile(buckets, 0.75)).toBe(3)
  expect(quantile([], 0.5)).toBeUndefined()
  expect(
    quantile(
      [
        [1, 0],
        [Number.POSITIVE_INFINITY, 4],
      ],
      0.5,
    ),
  ).toBe(1)
})

test('renderEdges() shows rate, share, success and latency of each version', () => {
  const text = renderEdges(edgeCounts(parsePrometheus(exposition(80, 15, 5))), 10, palette(false))
  const [, v1 = '', v3 = ''] = text.split('\n')
  expect(v1.split(/\s+/)).toEqual([
    'productpage-v1',
    '->',
    'reviews',
    'v1',
    '8.0',
    '████████░░',
    '80.0%',
    '100.0%',
    '1.0',
    'ms',
    '4.9',
    'ms',
  ])
  expect(v3).toContain('75.0%')
})
