/** Where a value stands in a document: keys of maps and indexes of lists, outermost first. */
export type FieldPath = readonly (string | number)[]

const plainKey = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** Writes a path as users read it: `spec.http[0].match[1].headers["end.user"]`. */
export function formatPath(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!plainKey.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
