import { describeValue } from './describe-value.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { ParsedDocument } from './parse-document.ts'
import type { Resource } from './resource.ts'
import { dnsLabel, dnsName, isPlainMap, mapOf, pattern, Place, type Reader, text } from './schema/index.ts'

const apiVersionForm = pattern(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?v[a-z0-9]+$/,
  'a version with its group, such as networking.istio.io/v1, or v1',
)
const kindForm = pattern(/^[A-Z][A-Za-z0-9]*$/, 'a kind such as Service', 63)
const labelNameForm = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const labelValueForm = pattern(
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  'a label value (letters, digits, -, _ and ., beginning and ending with a letter or digit)',
  63,
)

/** Reads a map of labels as Kubernetes allows them: names with an optional prefix, values of at most 63 characters. */
export const labels: Reader<ReadonlyMap<string, string>> = mapOf(labelValueForm, (name, place) => {
  if (name.length <= 317 && labelNameForm.test(name)) return
  place.report({ code: 'WEFT_FIELD_VALUE', expected: 'a label name', got: describeValue(name), pointAt: 'key' })
})

const annotations = mapOf(text)

/**
 * Parses the envelope of one object; all its faults are added to `found`. `spec` is left to the object's dialect, which can
 * look at it even when the name or a label is faulty: an object is given up only when its kind cannot be read.
 */
export function parseEnvelope(
  file: string,
  parsed: ParsedDocument,
  defaultNamespace: string,
  found: Diagnostic[],
): Resource | undefined {
  const body = parsed.value
  const place = new Place({ ...parsed, file }, labelOf(body, defaultNamespace), found)
  if (!isPlainMap(body)) {
    return place.report({
      code: 'WEFT_FIELD_TYPE',
      expected: 'an object with apiVersion, kind and metadata',
      got: describeValue(body),
    })
  }
  const apiVersion = needed(body, 'apiVersion', apiVersionForm, place)
  const kind = needed(body, 'kind', kindForm, place)
  const given = body['metadata']
  if (given !== undefined && given !== null && !isPlainMap(given)) {
    return place.at('metadata').report({ code: 'WEFT_FIELD_TYPE', expected: 'a map', got: describeValue(given) })
  }
  const metadata = isPlainMap(given) ? given : {}
  const metadataPlace = place.at('metadata')
  const name = needed(metadata, 'name', dnsName, metadataPlace)
  const namespace = maybe(metadata, 'namespace', dnsLabel, metadataPlace)
  const labelMap = maybe(metadata, 'labels', labels, metadataPlace)
  const annotationMap = maybe(metadata, 'annotations', annotations, metadataPlace)
  if (apiVersion === undefined || kind === undefined) return undefined
  return {
    apiVersion,
    group: apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '',
    kind,
    namespace: namespace ?? defaultNamespace,
    name: name ?? '',
    labels: labelMap ?? new Map(),
    annotations: annotationMap ?? new Map(),
    body,
    text: parsed.text,
    file,
    firstLine: parsed.firstLine,
    document: parsed.document,
    lineCounter: parsed.lineCounter,
  }
}

/** `Kind namespace/name`, as diagnostics and the command line name an object. */
export function resourceLabel(resource: Pick<Resource, 'kind' | 'namespace' | 'name'>): string {
  return `${resource.kind} ${resource.namespace}/${resource.name}`
}

function labelOf(body: unknown, defaultNamespace: string): string {
  if (!isPlainMap(body) || typeof body['kind'] !== 'string' || !isPlainMap(body['metadata'])) return ''
  const { name, namespace } = body['metadata']
  if (typeof name !== 'string') return ''
  return `${body['kind']} ${typeof namespace === 'string' ? namespace : defaultNamespace}/${name}`
}

function needed<Value>(
  map: Readonly<Record<string, unknown>>,
  name: string,
  read: Reader<Value>,
  place: Place,
): Value | undefined {
  const value = maybe(map, name, read, place)
  const absent = !Object.hasOwn(map, name) || map[name] === null
  if (absent) {
    place.at(name).report({ code: 'WEFT_FIELD_MISSING', message: `Required field ${name} is missing`, pointAt: 'key' })
  }
  return value
}

function maybe<Value>(
  map: Readonly<Record<string, unknown>>,
  name: string,
  read: Reader<Value>,
  place: Place,
): Value | undefined {
  const value = Object.hasOwn(map, name) ? map[name] : undefined
  return value === undefined || value === null ? undefined : read(value, place.at(name))
}
