/**
 * Instruments, encoders and access-log records. Numbers live in preallocated arrays behind interned label sets; nothing
 * is built for telemetry that nobody reads. Knows nothing of connections: the data path hands in plain values.
 */
export {
  type AccessLogFormatter,
  compileAccessLogFormat,
  compileJsonAccessLogFormat,
  defaultAccessLogFormat,
} from './access-log-format.ts'
export { type AccessLogRecord, emptyAccessLogRecord, ResponseFlag } from './access-log-record.ts'
export { type AccessLogWriter, createAccessLogWriter } from './access-log-writer.ts'
export { type EdgeLabels, type EdgeSeries, type Telemetry } from './contract.ts'
export { createTelemetry, type ProxyTelemetry, type TelemetryOptions } from './create-telemetry.ts'
export { createResponseClasses } from './response-classes.ts'
