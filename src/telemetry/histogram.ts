/** Upper bounds of Istio's and Envoy's default histogram buckets, for milliseconds and bytes alike. */
const histogramBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

const bounds = Float64Array.from(histogramBounds)

/** A cumulative histogram with fixed bounds; one array, no allocation per observation. */
export class Histogram {
  /** Not cumulative; the last slot takes what is above all bounds. */
  readonly #counts = new Float64Array(bounds.length + 1)
  #sum = 0

  /** Counts one value. */
  observe(value: number): void {
    let index = 0
    while (index < bounds.length && value > (bounds[index] as number)) index += 1
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#sum += value
  }

  /** Appends the exposition lines of `name` with `labels` (rendered, without braces) to `lines`. */
  expose(lines: string[], name: string, labels: string): void {
    const separator = labels === '' ? '' : ','
    let total = 0
    for (const [index, bound] of histogramBounds.entries()) {
      total += this.#counts[index] ?? 0
      lines.push(`${name}_bucket{${labels}${separator}le="${bound}"} ${total}`)
    }
    total += this.#counts[bounds.length] ?? 0
    lines.push(`${name}_bucket{${labels}${separator}le="+Inf"} ${total}`)
    lines.push(`${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${total}`)
  }
}
