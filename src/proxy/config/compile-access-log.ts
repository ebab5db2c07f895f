import type { JsonObject } from '@bufbuild/protobuf'

import { compileAccessLogFormat, compileJsonAccessLogFormat, defaultAccessLogFormat } from '../../telemetry/index.ts'
import type { AccessLog } from '../../xds/generated/envoy/config/accesslog/v3/accesslog_pb.ts'
import type { SubstitutionFormatString } from '../../xds/generated/envoy/config/core/v3/substitution_format_string_pb.ts'
import {
  FileAccessLogSchema,
  type FileAccessLog,
} from '../../xds/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts'
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../../xds/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import type { AccessLogConfig } from './access-log-config.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { dataSourceText, requiredText } from './field-values.ts'

type Format = Pick<AccessLogConfig, 'format' | 'json'>

const defaultFormat: Format = { format: defaultAccessLogFormat, json: undefined }

/** Compiles `access_log[]`: file, stdout and stderr loggers with text or flat JSON formats; every operator is checked. */
export function compileAccessLogs(
  context: CompileContext,
  path: string,
  logs: readonly AccessLog[],
): readonly AccessLogConfig[] {
  return logs.map((log, index) => compileAccessLog(context, `${path}[${index}]`, log))
}

function compileAccessLog(context: CompileContext, path: string, log: AccessLog): AccessLogConfig {
  const any = log.configType.case === 'typedConfig' ? log.configType.value : undefined
  const at = fieldPath(path, 'typed_config')
  const file = unpackAny(any, FileAccessLogSchema)
  if (file !== undefined) {
    return { path: requiredText(context, fieldPath(at, 'path'), file.path), ...fileFormat(context, at, file) }
  }
  const stdout = unpackAny(any, StdoutAccessLogSchema)
  const stream = stdout ?? unpackAny(any, StderrAccessLogSchema)
  if (stream === undefined) {
    context.faults.add(at, 'Expected a FileAccessLog, StdoutAccessLog or StderrAccessLog')
    return { path: '', ...defaultFormat }
  }
  const { case: kind, value } = stream.accessLogFormat
  const format = kind === 'logFormat' ? substitution(context, fieldPath(at, 'log_format'), value) : defaultFormat
  return { path: stdout === undefined ? '/dev/stderr' : '/dev/stdout', ...format }
}

function fileFormat(context: CompileContext, at: string, file: FileAccessLog): Format {
  const choice = file.accessLogFormat
  switch (choice.case) {
    case 'format':
      return textFormat(context, fieldPath(at, 'format'), choice.value)
    case 'jsonFormat':
      return jsonFormat(context, fieldPath(at, 'json_format'), choice.value)
    case 'typedJsonFormat':
      return jsonFormat(context, fieldPath(at, 'typed_json_format'), choice.value)
    case 'logFormat':
      return substitution(context, fieldPath(at, 'log_format'), choice.value)
    default:
      return defaultFormat
  }
}

function substitution(context: CompileContext, at: string, format: SubstitutionFormatString): Format {
  const choice = format.format
  switch (choice.case) {
    case 'textFormat':
      return textFormat(context, fieldPath(at, 'text_format'), choice.value)
    case 'jsonFormat':
      return jsonFormat(context, fieldPath(at, 'json_format'), choice.value)
    case 'textFormatSource': {
      const source = fieldPath(at, 'text_format_source')
      return textFormat(context, source, dataSourceText(context, source, choice.value) ?? '')
    }
    default:
      context.faults.add(at, 'Expected text_format or json_format')
      return defaultFormat
  }
}

/** An empty text is Envoy's default format. */
function textFormat(context: CompileContext, path: string, format: string): Format {
  if (format === '') return defaultFormat
  const compiled = compileAccessLogFormat(format)
  if (!compiled.ok) context.faults.add(path, compiled.error)
  return { format, json: undefined }
}

function jsonFormat(context: CompileContext, path: string, fields: JsonObject): Format {
  const json = new Map<string, string>()
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') json.set(name, value)
    else context.faults.add(fieldPath(path, name), `Expected a format text; nested values are not implemented`)
  }
  const compiled = compileJsonAccessLogFormat(json)
  if (!compiled.ok) context.faults.add(path, compiled.error)
  return { format: '', json }
}
