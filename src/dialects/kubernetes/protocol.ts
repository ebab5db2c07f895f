import type { Protocol } from '../../model/index.ts'

/** Names of `appProtocol` and prefixes of port names, in lower case, as Istio reads them. */
const protocols: Readonly<Record<string, Protocol>> = {
  http: 'http1',
  http2: 'http2',
  grpc: 'grpc',
  // gRPC-Web travels over HTTP/2 between proxies and is no gRPC to them.
  'grpc-web': 'http2',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  udp: 'udp',
  mongo: 'tcp',
  mysql: 'tcp',
  redis: 'tcp',
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http1',
  'kubernetes.io/wss': 'tls',
}

/**
 * The declared protocol of a Service port: `appProtocol` first, else the port's name up to its first `-`. Undefined when
 * neither says one.
 */
export function protocolOf(port: {
  readonly protocol?: string
  readonly appProtocol?: string
  readonly name?: string
}): Protocol | undefined {
  if (port.protocol === 'UDP') return 'udp'
  const declared = (port.appProtocol ?? port.name ?? '').toLowerCase()
  if (declared.startsWith('grpc-web')) return protocols['grpc-web']
  if (declared.startsWith('kubernetes.io/')) return port.appProtocol === undefined ? undefined : lookUp(declared)
  return lookUp(declared.split('-')[0] ?? '')
}

function lookUp(name: string): Protocol | undefined {
  return Object.hasOwn(protocols, name) ? protocols[name] : undefined
}
