import { UsageError } from './cli-error.ts'
import { parseDuration } from './duration.ts'

/** The options of one call, read by the name of their long flag without dashes: `service-account`. */
export interface ParsedOptions {
  /** Value of an option, its default, or nothing. */
  readonly text: (name: string) => string | undefined
  /** True when a switch is given. */
  readonly flag: (name: string) => boolean
  /** All values of an option that may be repeated. */
  readonly list: (name: string) => readonly string[]
  /** Milliseconds of `30s`, `500ms`, `2m`. @throws {UsageError} If it is not a duration. */
  readonly durationMs: (name: string) => number | undefined
  /** A port number; 0 asks for a free one. @throws {UsageError} If it is not one. */
  readonly port: (name: string) => number | undefined
}

/** Wraps what commander parsed; `values` is by camel-case name. */
export function parsedOptions(values: Readonly<Record<string, unknown>>): ParsedOptions {
  const get = (name: string): unknown => values[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
  const text = (name: string): string | undefined => {
    const value = get(name)
    return typeof value === 'string' ? value : undefined
  }
  return {
    text,
    flag: (name) => get(name) === true,
    list: (name) => {
      const value = get(name)
      return Array.isArray(value) ? value.map(String) : []
    },
    durationMs: (name) => {
      const value = text(name)
      if (value === undefined) return undefined
      const parsed = parseDuration(value)
      if (parsed === undefined) throw new UsageError(`Expected a duration such as 30s for --${name}, got ${value}`)
      return parsed
    },
    port: (name) => {
      const value = text(name)
      if (value === undefined) return undefined
      const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN
      if (!(port <= 65_535)) throw new UsageError(`Expected a port from 0 to 65535 for --${name}, got ${value}`)
      return port
    },
  }
}
