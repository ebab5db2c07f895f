import type { FieldBlock } from '../hpack/field-block.ts'
import { FieldKind, kindOfField } from './field-kind.ts'
import { isFieldValue } from './octets.ts'

/** Whether trailers keep RFC 9113 section 8.1: no pseudo-fields; and none that say where a message ends or goes (RFC 9110 section 6.5.1). */
export function areTrailers({ names, values }: FieldBlock): boolean {
  for (let index = 0; index < names.length; index += 1) {
    if (kindOfField(names[index] ?? '') !== FieldKind.regular || !isFieldValue(values[index] ?? '')) return false
  }
  return true
}
