import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { VirtualHostSchema } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { httpProxyName, inboundClusterName, TypeUrl, type XdsResource } from '../../xds/index.ts'
import type { InboundPlan, VirtualHostPlan } from '../plan.ts'
import { adsSource } from './config-source.ts'
import { encodeResource } from './encode.ts'
import { originOf } from './metadata.ts'
import { longStreamIdleMs, proxiedHost, virtualHost } from './route.ts'

/** Largest body of a direct response; Istio's bound. Constant, so that a new body does not change the configuration. */
const maxDirectResponseBytes = 1_048_576

/** Writes a virtual host as a resource of its own (VHDS). */
export function emitVirtualHost(plan: VirtualHostPlan): XdsResource {
  const origins = [plan.origin, ...plan.routes.map((route) => route.origin)]
  return encodeResource(VirtualHostSchema, proxiedHost(plan), {
    typeUrl: TypeUrl.virtualHost,
    name: plan.name,
    origins,
  })
}

/** The outbound route configuration of a client that asks for virtual hosts one by one. */
export function emitOnDemandRoutes(): XdsResource {
  return encodeResource(
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, {
      name: httpProxyName,
      vhds: { configSource: adsSource() },
      maxDirectResponseBodySizeBytes: maxDirectResponseBytes,
    }),
    { typeUrl: TypeUrl.route, name: httpProxyName, origins: [] },
  )
}

/** The outbound route configuration of a client that gets everything. */
export function emitAllRoutes(plans: readonly VirtualHostPlan[]): XdsResource {
  const message = create(RouteConfigurationSchema, {
    name: httpProxyName,
    virtualHosts: plans.map(proxiedHost),
    maxDirectResponseBodySizeBytes: maxDirectResponseBytes,
  })
  const origins = plans.flatMap((plan) => [plan.origin, ...plan.routes.map((route) => route.origin)])
  return encodeResource(RouteConfigurationSchema, message, { typeUrl: TypeUrl.route, name: httpProxyName, origins })
}

/** The route configuration of an upstream on a loopback port: one virtual host. */
export function emitUpstreamRoutes(plan: VirtualHostPlan): XdsResource {
  const message = create(RouteConfigurationSchema, {
    name: plan.name,
    virtualHosts: [virtualHost(plan)],
    maxDirectResponseBodySizeBytes: maxDirectResponseBytes,
  })
  const origins = [plan.origin, ...plan.routes.map((each) => each.origin)]
  return encodeResource(RouteConfigurationSchema, message, { typeUrl: TypeUrl.route, name: plan.name, origins })
}

/** The inline route of an inbound listener: everything to the application, without time limit or retry. */
export function inboundRoutes(plan: InboundPlan): RouteConfiguration {
  const cluster = inboundClusterName(plan.port)
  const metadata = originOf(plan.origin)
  return create(RouteConfigurationSchema, {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: `inbound|http|${plan.port}`,
        domains: ['*'],
        metadata,
        routes: [
          {
            name: 'default',
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'cluster', value: cluster },
                timeout: { seconds: 0n },
                ...(plan.protocol === 'http2' ? { idleTimeout: durationFromMs(longStreamIdleMs) } : {}),
              },
            },
            metadata,
          },
        ],
      },
    ],
  })
}
