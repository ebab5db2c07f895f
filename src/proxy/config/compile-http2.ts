import type { SessionLimits } from '../../wire/http2/index.ts'
import type { Http2ProtocolOptions, KeepaliveSettings } from '../../xds/generated/envoy/config/core/v3/protocol_pb.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, durationMs } from './field-values.ts'
import type { Http2Config } from './http2-config.ts'

const maxUint31 = 0x7fff_ffff
const maxUint32 = 0xffff_ffff

/** RFC 9113 section 6.9.2: windows begin at this size, and Envoy takes none that is smaller. */
const smallestWindow = 65_535

/** Compiles `Http2ProtocolOptions`; absent options are those of the defaults. */
export function compileHttp2(
  context: CompileContext,
  path: string,
  message: Http2ProtocolOptions | undefined,
): Http2Config {
  if (message === undefined) return { limits: {}, allowConnect: false, keepalive: undefined }
  const limits: { -readonly [Name in keyof SessionLimits]?: SessionLimits[Name] } = {}
  const set = (
    field: string,
    limit: keyof SessionLimits,
    value: number | undefined,
    min: number,
    max: number,
  ): void => {
    if (value === undefined) return
    limits[limit] = boundedInteger(context, fieldPath(path, field), { value, absent: min, min, max })
  }
  set('max_concurrent_streams', 'maxConcurrentStreams', message.maxConcurrentStreams, 1, maxUint31)
  set('initial_stream_window_size', 'streamWindowBytes', message.initialStreamWindowSize, smallestWindow, maxUint31)
  const connectionWindow = message.initialConnectionWindowSize
  set('initial_connection_window_size', 'connectionWindowBytes', connectionWindow, smallestWindow, maxUint31)
  set('max_outbound_frames', 'outboundFrames', message.maxOutboundFrames, 1, maxUint32)
  set('max_outbound_control_frames', 'outboundControlFrames', message.maxOutboundControlFrames, 1, maxUint32)
  const emptyFrames = message.maxConsecutiveInboundFramesWithEmptyPayload
  set('max_consecutive_inbound_frames_with_empty_payload', 'emptyFrames', emptyFrames, 0, maxUint32)
  const priorityFrames = message.maxInboundPriorityFramesPerStream
  set('max_inbound_priority_frames_per_stream', 'priorityFramesPerStream', priorityFrames, 0, maxUint32)
  const windowFrames = message.maxInboundWindowUpdateFramesPerDataFrameSent
  set('max_inbound_window_update_frames_per_data_frame_sent', 'windowUpdateFramesPerData', windowFrames, 1, maxUint32)
  const keepalive = compileKeepalive(context, fieldPath(path, 'connection_keepalive'), message.connectionKeepalive)
  return { limits, allowConnect: message.allowConnect, keepalive }
}

function compileKeepalive(
  context: CompileContext,
  path: string,
  message: KeepaliveSettings | undefined,
): Http2Config['keepalive'] {
  if (message?.interval === undefined) return undefined
  const intervalMs = durationMs(context, `${path}.interval`, { value: message.interval, absent: 0 })
  const timeoutMs = durationMs(context, `${path}.timeout`, { value: message.timeout, absent: 0 })
  if (intervalMs === 0) context.faults.add(`${path}.interval`, 'Expected a duration above 0s')
  if (timeoutMs === 0) context.faults.add(`${path}.timeout`, 'Expected a duration above 0s')
  return { intervalMs, timeoutMs }
}
