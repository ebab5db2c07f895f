import {
  type AccessLogFormatter,
  type AccessLogRecord,
  type AccessLogWriter,
  compileAccessLogFormat,
  compileJsonAccessLogFormat,
} from '../telemetry/index.ts'
import type { AccessLogConfig } from './config/index.ts'

/** Formats and writes records; formats are compiled once for each configuration. */
export function createAccessLogger(
  writer: Pick<AccessLogWriter, 'write'>,
): (config: AccessLogConfig, record: AccessLogRecord) => void {
  const formatters = new WeakMap<AccessLogConfig, AccessLogFormatter>()
  return (config, record) => {
    let formatter = formatters.get(config)
    if (formatter === undefined) {
      formatter = compileFormat(config)
      formatters.set(config, formatter)
    }
    writer.write(config.path, formatter(record))
  }
}

/** The resource check refuses formats that do not compile; should one come through, the line says so rather than being lost. */
function compileFormat(config: AccessLogConfig): AccessLogFormatter {
  const compiled =
    config.json === undefined ? compileAccessLogFormat(config.format) : compileJsonAccessLogFormat(config.json)
  return compiled.ok ? compiled.value : () => `access log format: ${compiled.error}\n`
}
