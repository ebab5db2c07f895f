import type { Place } from '../../../resources/schema/index.ts'
import { reportUnsupported } from '../fields/unsupported.ts'
import type {
  ConsistentHashSpec,
  OutlierSpec,
  PolicySections,
  PortSettingsSpec,
  SubsetSpec,
  TlsSpec,
} from './schema.ts'

/** Rules of `subsets`: no name twice. */
export function checkSubsets(subsets: readonly (SubsetSpec | undefined)[], place: Place): void {
  const seen = new Set<string>()
  for (const [index, subset] of subsets.entries()) {
    if (subset === undefined) continue
    if (seen.has(subset.name)) {
      const message = `Subset ${subset.name} is defined twice`
      place.at(index, 'name').report({ code: 'WEFT_FIELD_CONFLICT', message, remedy: 'Keep one of the two' })
    }
    seen.add(subset.name)
    if (subset.labels === undefined || subset.labels.size === 0) {
      place.at(index).report({
        code: 'WEFT_ISTIO_NO_EFFECT',
        severity: 'warning',
        message: `Subset ${subset.name} has no labels, so it is every workload of the host`,
        remedy: 'Give it labels, for example version: v1',
      })
    }
  }
}

/** Rules of `portLevelSettings`: no port twice. */
export function checkPortSettings(settings: readonly (PortSettingsSpec | undefined)[], place: Place): void {
  const seen = new Set<number>()
  for (const [index, setting] of settings.entries()) {
    if (setting === undefined) continue
    const { number } = setting.port
    if (seen.has(number)) {
      const message = `Port ${number} has two entries`
      place.at(index, 'port', 'number').report({ code: 'WEFT_FIELD_CONFLICT', message, remedy: 'Join the two' })
    }
    seen.add(number)
  }
}

/** Rules of `outlierDetection`: failures of local origin are counted only when they are split off. */
export function checkOutlier(outlier: Partial<OutlierSpec>, place: Place, written: (name: string) => boolean): void {
  if (!written('consecutiveLocalOriginFailures') || outlier.splitExternalLocalOriginErrors === true) return
  place.at('consecutiveLocalOriginFailures').report({
    code: 'WEFT_ISTIO_NO_EFFECT',
    severity: 'warning',
    message: 'consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors: true',
    remedy: 'Set splitExternalLocalOriginErrors: true, or remove consecutiveLocalOriginFailures',
    pointAt: 'key',
  })
}

/** Rules of `loadBalancer`: one way to balance. */
export function checkLoadBalancer(_: unknown, place: Place, written: (name: string) => boolean): void {
  checkOneOf(place, written, ['simple', 'consistentHash'])
}

/** Rules of `consistentHash`: one key and one table. */
export function checkConsistentHash(
  hash: Partial<ConsistentHashSpec>,
  place: Place,
  written: (name: string) => boolean,
): void {
  const keys = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName']
  checkOneOf(place, written, keys)
  checkOneOf(place, written, ['ringHash', 'maglev', 'minimumRingSize'])
  const given = keys.filter(written)
  if (given.length > 1 || given.some((name) => name !== 'useSourceIp') || hash.useSourceIp === true) return
  // A fault of the field itself is reported where it is read.
  if (written('useSourceIp') && hash.useSourceIp === undefined) return
  place.report({
    code: 'WEFT_FIELD_MISSING',
    message: `consistentHash needs a key: one of ${keys.join(', ')}`,
    remedy: 'Name what requests of one client have in common, for example httpHeaderName: x-user',
    pointAt: 'key',
  })
}

/** Rules between sections: where a connection goes to the address that was dialled, no endpoint can be left out. */
export function checkSections(sections: Partial<PolicySections>, place: Place): void {
  if (sections.loadBalancer?.simple !== 'PASSTHROUGH' || sections.outlierDetection === undefined) return
  place.at('outlierDetection').report({
    code: 'WEFT_ISTIO_NO_EFFECT',
    severity: 'warning',
    message: 'outlierDetection does nothing with loadBalancer PASSTHROUGH',
    remedy: 'Remove one of the two',
    pointAt: 'key',
  })
}

function checkOneOf(place: Place, written: (name: string) => boolean, names: readonly string[]): void {
  const [first, ...others] = names.filter(written)
  for (const name of others) {
    place.at(name).report({
      code: 'WEFT_FIELD_CONFLICT',
      message: `${name} cannot be set with ${first}`,
      remedy: `Remove one of the two`,
      pointAt: 'key',
    })
  }
}

/** Fields of `tls` that name files or what to verify. */
const fileFields = ['clientCertificate', 'privateKey', 'caCertificates', 'insecureSkipVerify'] as const
const verifyFields = ['sni', 'subjectAltNames'] as const

/** Rules of `tls`: each mode takes its own fields. */
export function checkTls(tls: Partial<TlsSpec>, place: Place, written: (name: string) => boolean): void {
  if (tls.mode === 'DISABLE') refuseFields(place, written, tls.mode, [...fileFields, ...verifyFields])
  if (tls.mode === 'ISTIO_MUTUAL') {
    refuseFields(place, written, tls.mode, fileFields)
    for (const name of verifyFields) {
      if (written(name)) reportUnsupported(place.at(name), 'with mode ISTIO_MUTUAL')
    }
  }
  if (tls.mode === 'SIMPLE') refuseFields(place, written, tls.mode, ['clientCertificate', 'privateKey'])
  if (tls.mode !== 'MUTUAL') return
  for (const name of ['clientCertificate', 'privateKey']) {
    if (written(name) || written('credentialName')) continue
    const message = `Mode MUTUAL needs ${name}, the path of a PEM file`
    place.at(name).report({ code: 'WEFT_FIELD_MISSING', message, pointAt: 'key' })
  }
}

function refuseFields(place: Place, written: (name: string) => boolean, mode: string, names: readonly string[]): void {
  for (const name of names) {
    if (!written(name)) continue
    place.at(name).report({
      code: 'WEFT_FIELD_CONFLICT',
      message: `${name} cannot be set with mode ${mode}`,
      remedy: `Remove ${name}, or choose another mode`,
      pointAt: 'key',
    })
  }
}
