import type { AccessLogRecord } from '../../telemetry/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** A log record of a connection (no HTTP): request and response fields are empty, times are filled by the caller. */
export function createConnectionRecord(info: DownstreamInfo, startTime: number): AccessLogRecord {
  return {
    startTime,
    method: '',
    path: '',
    protocol: '',
    authority: '',
    status: 0,
    flags: 0,
    details: '',
    bytesReceived: 0,
    bytesSent: 0,
    durationMs: 0,
    upstreamServiceTimeMs: -1,
    upstreamHost: '',
    upstreamCluster: '',
    upstreamLocalAddress: '',
    downstreamLocalAddress: info.destinationAddress === '' ? info.localAddress : joinAddress(info),
    downstreamRemoteAddress: info.remoteAddress,
    requestedServerName: info.serverName,
    routeName: '',
    upstreamTransportFailureReason: '',
    requestHeader: () => undefined,
    responseHeader: () => undefined,
    peerSpiffeId: info.peerSpiffeId,
  }
}

function joinAddress({ destinationAddress, destinationPort }: DownstreamInfo): string {
  return destinationAddress.includes(':')
    ? `[${destinationAddress}]:${destinationPort}`
    : `${destinationAddress}:${destinationPort}`
}
