/**
 * Whether an object exported to `exportTo` may be seen from `clientNamespace`: `*` by all, `.` by its own namespace, else
 * by the namespaces named. An empty list is `*`, Istio's default.
 */
export function isVisible(exportTo: readonly string[], ownNamespace: string, clientNamespace: string): boolean {
  if (exportTo.length === 0) return true
  return exportTo.some(
    (entry) => entry === '*' || entry === clientNamespace || (entry === '.' && ownNamespace === clientNamespace),
  )
}

/** Whether every wanted label is there with its value; no wanted labels always hold. */
export function hasLabels(labels: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of wanted) if (labels.get(key) !== value) return false
  return true
}
