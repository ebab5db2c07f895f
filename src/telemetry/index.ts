/**
 * Instruments, encoders and access-log records. Numbers live in preallocated arrays behind interned label sets; nothing
 * is built for telemetry that nobody reads. Knows nothing of connections: the data path hands in plain values.
 */
export { type AccessLogRecord, ResponseFlag } from './access-log-record.ts'
export { type EdgeLabels, type EdgeSeries, type Telemetry } from './contract.ts'
