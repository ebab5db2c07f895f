/** Escapes a label value (Prometheus text format 0.0.4: backslash, quote, line feed). */
function escapeLabelValue(value: string): string {
  return /["\\\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value
}

/** Renders labels without braces, in the order given. */
export function renderLabels(labels: Iterable<readonly [string, string]>): string {
  const parts: string[] = []
  for (const [name, value] of labels) parts.push(`${name}="${escapeLabelValue(value)}"`)
  return parts.join(',')
}

/** The `# HELP` and `# TYPE` lines of a metric family. */
export function familyHeader(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}`
}
