import type { AdminSource } from './admin-source.ts'
import { badRequest, text } from './replies.ts'

/**
 * `POST /logging`: lists the loggers; `?level=LEVEL` changes all, `?paths=LOGGER:LEVEL,...` or `?LOGGER=LEVEL` some. Levels: trace, debug,
 * info, warning, error, critical, off.
 */
export function changeLogging({ log }: AdminSource, query: URLSearchParams): Response {
  for (const [key, value] of query) {
    const changes: readonly (readonly [string | undefined, string])[] =
      key === 'level'
        ? [[undefined, value]]
        : key === 'paths'
          ? value
              .split(',')
              .map((pair): [string, string] => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)])
          : [[key, value]]
    for (const [logger, level] of changes)
      if (!log.setLevel(logger, level)) return badRequest(`error: unknown logger or level: ${logger ?? 'all'}:${level}`)
  }
  const lines = [...log.levels()].map(([name, level]) => `  ${name}: ${level}\n`)
  return text(`active loggers:\n${lines.join('')}\n`)
}
