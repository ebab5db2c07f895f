import { clusterFields, controlChannelFields } from './supported-cluster-fields.ts'
import { listenerFields } from './supported-listener-fields.ts'
import { grpcFields, rbacFields } from './supported-filter-fields.ts'
import { routeFields } from './supported-route-fields.ts'
import { sharedFields } from './supported-shared-fields.ts'
import { udpFields } from './supported-udp-fields.ts'

/**
 * What the proxy does with a field that is set:
 * - `honoured`: the compiled configuration carries it and the data path acts on it;
 * - `only`: honoured for these values (names of enum values, `true`, `5s`), refused for others;
 * - `harmless`: accepted, because it cannot change what this proxy does; the text says why;
 * - `whole`: its content is free-form or belongs to someone else and is not looked into.
 */
export type FieldRule =
  'honoured' | { readonly only: readonly string[] } | { readonly harmless: string; readonly whole?: true }

/** Message type to the fields that this proxy implements, by proto name. */
export type SupportedFields = ReadonlyMap<string, Readonly<Record<string, FieldRule>>>

/** The table for resources that carry traffic. */
export const supportedFields: SupportedFields = new Map([
  ...sharedFields,
  ...listenerFields,
  ...routeFields,
  ...clusterFields,
  ...udpFields,
  ...rbacFields,
  ...grpcFields,
])

/** The table for the proxy's own gRPC channels: HTTP/2 options belong there. */
export const supportedControlFields: SupportedFields = new Map([...supportedFields, ...controlChannelFields])
