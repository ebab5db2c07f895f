import type { TransportSocket } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import { ProxyProtocolConfig_Version } from '../../xds/generated/envoy/config/core/v3/proxy_protocol_pb.ts'
import { ProxyProtocolUpstreamTransportSchema } from '../../xds/generated/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { unpackAny } from './any-types.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CompileContext } from './compile-context.ts'
import { compileClientTransport } from './compile-tls.ts'
import { fieldPath } from './fault-list.ts'

/** Compiles a cluster's transport socket: TLS or plain text, either behind a PROXY protocol header. */
export function compileUpstreamTransport(
  context: CompileContext,
  path: string,
  socket: TransportSocket | undefined,
): Pick<ClusterConfig, 'tls' | 'proxyProtocol'> {
  const any = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined
  const wrapper = unpackAny(any, ProxyProtocolUpstreamTransportSchema)
  if (wrapper === undefined) return { tls: compileClientTransport(context, path, socket) }
  const at = fieldPath(path, 'typed_config')
  if (context.options.controlChannel === true) {
    context.faults.add(at, "The PROXY protocol is not implemented for the proxy's own gRPC channels")
  }
  if (wrapper.transportSocket === undefined) {
    context.faults.add(fieldPath(at, 'transport_socket'), 'Expected the transport socket behind the header')
  }
  return {
    tls: compileClientTransport(context, fieldPath(at, 'transport_socket'), wrapper.transportSocket),
    proxyProtocol: wrapper.config?.version === ProxyProtocolConfig_Version.V2 ? 2 : 1,
  }
}
