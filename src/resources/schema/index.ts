/**
 * Declarative readers of users' documents: a table of fields in, a typed value out, and every fault on the way reported at
 * its own place. Readers never stop at the first fault and never throw.
 *
 *     object({ hosts: required(list(filledText)), timeout: optional(duration({ zero: true })) })
 *
 * Knows YAML positions by way of `Place`; knows no kind of object.
 */
export {
  type Field,
  type FieldTable,
  isPlainMap,
  list,
  mapOf,
  object,
  openObject,
  type ObjectRule,
  optional,
  type Read,
  type Reader,
  refused,
  required,
  transform,
} from './collections.ts'
export { duration, longestDurationMs, parseDuration } from './duration.ts'
export { type FieldFault, Place, type Subject } from './place.ts'
export { regex, regexGroups } from './regex.ts'
export {
  anything,
  boolean,
  decimal,
  dnsLabel,
  dnsName,
  filledText,
  integer,
  oneOf,
  pattern,
  portNumber,
  refuseControlCharacters,
  text,
} from './scalars.ts'
