/** Levels of the proxy's own log, the quietest last. */
export const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

/** Parts of the proxy that log: the process, what comes over xDS, the admin interface. */
export const loggers = ['main', 'config', 'admin'] as const

/** One of {@link loggers}. */
export type Logger = (typeof loggers)[number]

/** The proxy's own log: a level for each part, changed at run time by `POST /logging`. */
export interface ProxyLog {
  readonly write: (logger: Logger, level: Exclude<LogLevel, 'off'>, text: string) => void
  readonly levels: () => ReadonlyMap<string, LogLevel>
  /** Changes one part, or all; false when the part or the level is not known. */
  readonly setLevel: (logger: string | undefined, level: string) => boolean
}

/** Makes a log at level `info` that hands its lines on. */
export function createProxyLog(print: (text: string) => void): ProxyLog {
  const levels = new Map<string, LogLevel>(loggers.map((name) => [name, 'info']))
  return {
    write(logger, level, text) {
      const threshold = levels.get(logger) ?? 'info'
      if (logLevels.indexOf(level) >= logLevels.indexOf(threshold)) print(text)
    },
    levels: () => levels,
    setLevel(logger, wanted) {
      const level = logLevels.find((known) => known === wanted)
      if (level === undefined || (logger !== undefined && !levels.has(logger))) return false
      for (const name of logger === undefined ? loggers : [logger]) levels.set(name, level)
      return true
    },
  }
}
