import { type AccessLogRecord, emptyAccessLogRecord } from '../../telemetry/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** A log record of a connection (no HTTP): request and response fields are empty, times are filled by the caller. */
export function createConnectionRecord(info: DownstreamInfo, startTime: number): AccessLogRecord {
  const record = emptyAccessLogRecord()
  record.startTime = startTime
  record.downstreamLocalAddress = info.destinationAddress === '' ? info.localAddress : joinAddress(info)
  record.downstreamRemoteAddress = info.remoteAddress
  record.downstreamDirectRemoteAddress = info.directRemoteAddress ?? info.remoteAddress
  record.requestedServerName = info.serverName
  record.peerSpiffeId = info.peerSpiffeId
  return record
}

function joinAddress({ destinationAddress, destinationPort }: DownstreamInfo): string {
  return destinationAddress.includes(':')
    ? `[${destinationAddress}]:${destinationPort}`
    : `${destinationAddress}:${destinationPort}`
}
