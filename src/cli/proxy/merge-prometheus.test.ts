import { expect, test } from 'bun:test'
import { mergePrometheus } from './merge-prometheus.ts'

const head = '# HELP a_total Help\n# TYPE a_total counter'

test('mergePrometheus() sums samples of the same labels and keeps the others', () => {
  const one = `${head}\na_total{code="200"} 3\na_total{code="503"} 1\n`
  const two = `${head}\na_total{code="200"} 4\na_total{code="404"} 2\n`
  expect(mergePrometheus([one, two])).toBe(
    `${head}\na_total{code="200"} 7\na_total{code="503"} 1\na_total{code="404"} 2\n`,
  )
})

test('mergePrometheus() sums histograms series by series', () => {
  const text = '# TYPE t histogram\nt_bucket{le="1"} 1\nt_bucket{le="+Inf"} 2\nt_sum 2.5\nt_count 2\n'
  expect(mergePrometheus([text, text])).toBe(
    '# TYPE t histogram\nt_bucket{le="1"} 2\nt_bucket{le="+Inf"} 4\nt_sum 5\nt_count 4\n',
  )
})

test('mergePrometheus() sums gauges and takes the latest point in time', () => {
  const text = (active: number, at: number) =>
    `# TYPE active gauge\nactive ${active}\n# TYPE last_update_seconds gauge\nlast_update_seconds{type="Cluster"} ${at}\n`
  expect(mergePrometheus([text(2, 100.5), text(3, 90)])).toBe(
    '# TYPE active gauge\nactive 5\n# TYPE last_update_seconds gauge\nlast_update_seconds{type="Cluster"} 100.5\n',
  )
})

test('mergePrometheus() keeps spaces and escapes in label values', () => {
  const text = '# TYPE a_total counter\na_total{path="/a b\\"c"} 1\n'
  expect(mergePrometheus([text, text])).toBe('# TYPE a_total counter\na_total{path="/a b\\"c"} 2\n')
})
