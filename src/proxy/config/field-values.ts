import type { Duration } from '@bufbuild/protobuf/wkt'

import {
  FractionalPercent_DenominatorType,
  type FractionalPercent,
  type Percent,
} from '../../xds/generated/envoy/type/v3/percent_pb.ts'
import type { DataSource } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type { CompileContext, CompileOptions } from './compile-context.ts'

/** Longest duration accepted: a year. Timers cannot hold much more than 24 days, and what is longer is a slip. */
const maxDurationMs = 366 * 24 * 3600 * 1000

/** Largest data source accepted, bytes: certificates and bundles are far smaller. */
const maxDataSourceBytes = 1024 * 1024

/** A duration in milliseconds, at least 1 when it is not zero; `absent` when the field is not set. */
export function durationMs<Absent>(
  context: CompileContext,
  path: string,
  field: { readonly value: Duration | undefined; readonly absent: Absent },
): number | Absent {
  const duration = field.value
  if (duration === undefined) return field.absent
  const ms = Number(duration.seconds) * 1000 + duration.nanos / 1e6
  if (ms < 0 || ms > maxDurationMs) {
    context.faults.add(path, `Expected a duration from 0s to ${maxDurationMs / 1000}s, got ${ms / 1000}s`)
    return field.absent
  }
  return ms > 0 && ms < 1 ? 1 : Math.round(ms)
}

/** A fractional percentage in parts per million; 0 when absent, as in Envoy. */
export function partsPerMillion(context: CompileContext, path: string, percent: FractionalPercent | undefined): number {
  if (percent === undefined) return 0
  const denominator = denominators.get(percent.denominator)
  if (denominator === undefined) {
    context.faults.add(`${path}.denominator`, `Denominator ${percent.denominator} is not implemented by this proxy`)
    return 0
  }
  return Math.min(1_000_000, (percent.numerator * 1_000_000) / denominator)
}

/** A percentage from 0 to 100; `absent` when the field is not set. */
export function percentOf(
  context: CompileContext,
  path: string,
  field: { readonly value: Percent | undefined; readonly absent: number },
): number {
  if (field.value === undefined) return field.absent
  const { value } = field.value
  if (value >= 0 && value <= 100) return value
  context.faults.add(`${path}.value`, `Expected a number from 0 to 100, got ${value}`)
  return field.absent
}

const denominators: ReadonlyMap<FractionalPercent_DenominatorType, number> = new Map([
  [FractionalPercent_DenominatorType.HUNDRED, 100],
  [FractionalPercent_DenominatorType.TEN_THOUSAND, 10_000],
  [FractionalPercent_DenominatorType.MILLION, 1_000_000],
])

/** A required text; the fault names the field. */
export function requiredText(context: CompileContext, path: string, text: string): string {
  if (text === '') context.faults.add(path, 'Expected a text, got nothing')
  return text
}

/** An integer within bounds; `absent` when not set. */
export function boundedInteger(
  context: CompileContext,
  path: string,
  field: { readonly value: number | undefined; readonly absent: number; readonly min: number; readonly max: number },
): number {
  const { value, absent, min, max } = field
  if (value === undefined) return absent
  if (value >= min && value <= max) return value
  context.faults.add(path, `Expected a number from ${min} to ${max}, got ${value}`)
  return absent
}

/** The bytes of a data source; undefined when it is absent or at fault. */
export function dataSourceBytes(
  context: CompileContext,
  path: string,
  source: DataSource | undefined,
  readFile = context.options.readFile,
): Uint8Array | undefined {
  const specifier = source?.specifier
  switch (specifier?.case) {
    case 'inlineBytes':
      return bounded(context, path, specifier.value)
    case 'inlineString':
      return bounded(context, path, new TextEncoder().encode(specifier.value))
    case 'filename': {
      const text = fileText(context, `${path}.filename`, specifier.value, readFile)
      return text === undefined ? undefined : bounded(context, path, new TextEncoder().encode(text))
    }
    default:
      return undefined
  }
}

/** The text of a data source (UTF-8); undefined when it is absent or at fault. */
export function dataSourceText(
  context: CompileContext,
  path: string,
  source: DataSource | undefined,
): string | undefined {
  const bytes = dataSourceBytes(context, path, source)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** The PEM text of a TLS context's data source; undefined when it is absent or at fault. */
export function tlsSourceText(
  context: CompileContext,
  path: string,
  source: DataSource | undefined,
): string | undefined {
  const { readTlsFile, readFile } = context.options
  const bytes = dataSourceBytes(context, path, source, readTlsFile ?? readFile)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

function bounded(context: CompileContext, path: string, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length <= maxDataSourceBytes) return bytes
  context.faults.add(path, `Expected at most ${maxDataSourceBytes} bytes, got ${bytes.length}`)
  return undefined
}

function fileText(
  context: CompileContext,
  path: string,
  filename: string,
  readFile: CompileOptions['readFile'],
): string | undefined {
  if (readFile === undefined) {
    context.faults.add(
      path,
      'Files are read for the bootstrap and for TLS only; expected inline_string or inline_bytes',
    )
    return undefined
  }
  try {
    return readFile(filename)
  } catch (cause) {
    context.faults.add(path, `Cannot read ${filename}: ${cause instanceof Error ? cause.message : String(cause)}`)
    return undefined
  }
}
