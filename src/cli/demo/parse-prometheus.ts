/** One sample of the text exposition format. */
export interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$/
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}

/** Reads Prometheus text (0.0.4). Comments and lines of another shape are passed over. */
export function parsePrometheus(text: string): readonly Sample[] {
  const samples: Sample[] = []
  for (const row of text.split('\n')) {
    const match = line.exec(row)
    if (match === null) continue
    const [, name = '', labels = '', value = ''] = match
    samples.push({
      name,
      labels: new Map([...labels.matchAll(label)].map(([, key = '', raw = '']) => [key, unescape(raw)])),
      value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
    })
  }
  return samples
}
