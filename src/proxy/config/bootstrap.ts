import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type * as Yaml from 'yaml'

import type { Result } from '../../base/index.ts'
import { sdsClusterName } from '../../xds/index.ts'
import { BootstrapSchema, type Bootstrap } from '../../xds/generated/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import {
  ApiConfigSource_ApiType,
  type ApiConfigSource,
} from '../../xds/generated/envoy/config/core/v3/config_source_pb.ts'
import { addressValue } from './address-values.ts'
import { messageFromJson } from './bootstrap-json.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { compileCluster } from './compile-cluster.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import { compileListener } from './compile-listener.ts'
import { compileOverload } from './compile-overload.ts'
import { compileSecret } from './compile-secret.ts'
import { requireAds } from './config-source.ts'
import { FaultList, fieldPath } from './fault-list.ts'
import type { FieldFault } from './field-fault.ts'
import { requiredText } from './field-values.ts'
import type { ListenerConfig } from './listener-config.ts'
import type { OverloadConfig } from './overload-config.ts'
import { checkSupport } from './support-check.ts'
import { supportedBootstrapFields } from './supported-bootstrap-fields.ts'
import type { Secret } from './tls-config.ts'

/** An Envoy bootstrap, read, checked and compiled. */
export interface BootstrapConfig {
  readonly node: {
    readonly id: string
    readonly cluster: string
    readonly metadata: JsonObject
    readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
  }
  readonly admin: { readonly address: string; readonly port: number } | undefined
  readonly staticListeners: readonly ListenerConfig[]
  /** Without the clusters of the proxy's own gRPC channels (ADS and `sds-grpc`). */
  readonly staticClusters: readonly ClusterConfig[]
  readonly staticSecrets: readonly Secret[]
  readonly ads: AdsConfig | undefined
  /** `cluster_manager.local_cluster_name`: the cluster that this proxy serves in; absent: not known, and no zone is preferred. */
  readonly localCluster?: string
  /** Absent: the defaults of `overload/`. */
  readonly overload: OverloadConfig | undefined
}

/** `dynamic_resources`. */
export interface AdsConfig {
  /** The static cluster of the control plane, with its endpoints and TLS. */
  readonly cluster: ClusterConfig
  /** `DELTA_GRPC`; otherwise state of the world. */
  readonly delta: boolean
  /** `cds_config` is there: clusters come over ADS. */
  readonly clusters: boolean
  /** `lds_config` is there: listeners come over ADS. */
  readonly listeners: boolean
}

/**
 * Reads an Envoy bootstrap, YAML or JSON: node, admin, static resources, and one ADS server.
 *
 * @returns The configuration, or every fault; messages end with the line of the field where it is known.
 */
export function readBootstrap(text: string, options?: CompileOptions): Result<BootstrapConfig, readonly FieldFault[]> {
  const written = machineWritten(text)
  if (written !== undefined) {
    const message = messageFromJson(BootstrapSchema, written, new FaultList())
    const result = message === undefined ? undefined : compileBootstrap(message, options)
    if (result?.ok === true) return result
  }
  return readWithLines(text, options)
}

/**
 * The value of a text that is what `JSON.stringify` writes, with any white space between. Nothing is lost by reading it without its
 * lines: it has no comments and no key twice.
 */
function machineWritten(text: string): JsonValue | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const value: JsonValue = JSON.parse(text)
    const bare = text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
    return JSON.stringify(value) === bare ? value : undefined
  } catch {
    return undefined // Not JSON: the YAML library says what is wrong with it.
  }
}

/** Reads YAML, of which JSON is a part, with the line of every fault. */
function readWithLines(text: string, options?: CompileOptions): Result<BootstrapConfig, readonly FieldFault[]> {
  // Loaded here: a proxy that `weft run` started needs no YAML library, and would keep its 8 MB for good.
  const { LineCounter, parseDocument }: typeof Yaml = require('yaml')
  const faults = new FaultList()
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true, stringKeys: true, logLevel: 'error' })
  for (const error of document.errors) faults.add(`line ${lines.linePos(error.pos[0]).line}`, error.message)
  if (!faults.isEmpty) return faults.finish(emptyBootstrap)
  const json = plainValue(() => document.toJS(), faults)
  const message = json === undefined ? undefined : messageFromJson(BootstrapSchema, json, faults)
  const result = message === undefined ? faults.finish(emptyBootstrap) : compileBootstrap(message, options)
  if (result.ok) return result
  const withLine = (fault: FieldFault): FieldFault => {
    const line = lineOf(fault.path, (path) => document.getIn(path, true), lines)
    return line === undefined ? fault : { ...fault, message: `${fault.message} (line ${line})` }
  }
  return { ok: false, error: result.error.map(withLine) }
}

/** The document as plain values; too many aliases (an alias bomb) make the YAML library throw. */
function plainValue(read: () => JsonValue, faults: FaultList): JsonValue | undefined {
  try {
    return read()
  } catch (cause) {
    faults.add('', `Cannot read the document: ${cause instanceof Error ? cause.message : String(cause)}`)
    return undefined
  }
}

const emptyBootstrap: BootstrapConfig = {
  node: { id: '', cluster: '', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
  admin: undefined,
  staticListeners: [],
  staticClusters: [],
  staticSecrets: [],
  ads: undefined,
  overload: undefined,
}

function compileBootstrap(
  message: Bootstrap,
  options: CompileOptions = {},
): Result<BootstrapConfig, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(BootstrapSchema, message, { table: supportedBootstrapFields, faults: context.faults })
  const source = message.dynamicResources?.adsConfig
  const adsName = source === undefined ? undefined : adsClusterName(context, source)
  const clusters = staticClusters(context, message, new Set([adsName, sdsClusterName]))
  return context.faults.finish({
    node: nodeOf(context, message),
    admin: adminOf(context, message),
    staticListeners: staticResources(context, 'listeners', message.staticResources?.listeners ?? [], (listener) =>
      compileListener(listener, options),
    ),
    staticClusters: clusters.filter(({ name }) => name !== adsName && name !== sdsClusterName),
    staticSecrets: staticResources(context, 'secrets', message.staticResources?.secrets ?? [], (secret) =>
      compileSecret(secret, options),
    ),
    overload: compileOverload(context, 'overload_manager', message.overloadManager),
    ads: adsOf(
      context,
      message,
      clusters.find(({ name }) => name === adsName),
    ),
    ...localClusterOf(message),
  })
}

function nodeOf(context: CompileContext, message: Bootstrap): BootstrapConfig['node'] {
  const { id = '', cluster = '', metadata = {}, locality } = message.node ?? {}
  if (message.dynamicResources !== undefined) requiredText(context, 'node.id', id)
  const { region = '', zone = '', subZone = '' } = locality ?? {}
  return { id, cluster, metadata, locality: { region, zone, subZone } }
}

function localClusterOf(message: Bootstrap): Pick<BootstrapConfig, 'localCluster'> {
  const name = message.clusterManager?.localClusterName ?? ''
  return name === '' ? {} : { localCluster: name }
}

function adminOf(context: CompileContext, message: Bootstrap): BootstrapConfig['admin'] {
  if (message.admin === undefined) return undefined
  const { address, port } = addressValue(context, 'admin.address', { value: message.admin.address, kinds: 'ip' })
  return { address, port }
}

/** Name of the static cluster that `ads_config` sends its stream to. */
function adsClusterName(context: CompileContext, source: ApiConfigSource): string {
  const at = 'dynamic_resources.ads_config'
  const [service, ...others] = source.grpcServices
  const target = service?.targetSpecifier
  if (target?.case !== 'envoyGrpc' || others.length > 0) {
    context.faults.add(`${at}.grpc_services`, 'Expected one service, envoy_grpc with a cluster')
    return ''
  }
  return requiredText(context, `${at}.grpc_services[0].envoy_grpc.cluster_name`, target.value.clusterName)
}

function adsOf(context: CompileContext, message: Bootstrap, cluster: ClusterConfig | undefined): AdsConfig | undefined {
  const dynamic = message.dynamicResources
  if (dynamic === undefined) return undefined
  const at = 'dynamic_resources'
  if (dynamic.cdsConfig !== undefined) requireAds(context, `${at}.cds_config`, dynamic.cdsConfig)
  if (dynamic.ldsConfig !== undefined) requireAds(context, `${at}.lds_config`, dynamic.ldsConfig)
  const source = dynamic.adsConfig
  if (source === undefined) {
    context.faults.add(`${at}.ads_config`, 'Expected ads_config: dynamic resources come over ADS only')
    return undefined
  }
  if (cluster === undefined) {
    const path = `${at}.ads_config.grpc_services[0].envoy_grpc.cluster_name`
    context.faults.add(path, 'Expected the name of a sound cluster in static_resources.clusters')
    return undefined
  }
  return {
    cluster,
    delta: source.apiType === ApiConfigSource_ApiType.DELTA_GRPC,
    clusters: dynamic.cdsConfig !== undefined,
    listeners: dynamic.ldsConfig !== undefined,
  }
}

function staticClusters(
  context: CompileContext,
  message: Bootstrap,
  control: ReadonlySet<string | undefined>,
): readonly ClusterConfig[] {
  const clusters = message.staticResources?.clusters ?? []
  return staticResources(context, 'clusters', clusters, (cluster) =>
    compileCluster(cluster, { ...context.options, controlChannel: control.has(cluster.name) }),
  )
}

/** Compiles a list of static resources; faults keep their place in the bootstrap, and names must be unique. */
function staticResources<Message, Config extends { readonly name: string }>(
  context: CompileContext,
  list: string,
  messages: readonly Message[],
  compile: (message: Message) => Result<Config, readonly FieldFault[]>,
): readonly Config[] {
  const names = new Set<string>()
  return messages.flatMap((message, index) => {
    const at = `static_resources.${list}[${index}]`
    const result = compile(message)
    if (!result.ok) {
      for (const fault of result.error) context.faults.add(fieldPath(at, fault.path), fault.message)
      return []
    }
    const { name } = result.value
    if (names.has(name)) context.faults.add(`${at}.name`, `Name ${name} is given twice`)
    names.add(name)
    return [result.value]
  })
}

/** Line of a field in the document, or of its nearest parent that stands there. */
function lineOf(
  path: string,
  nodeAt: (path: (string | number)[]) => unknown,
  lines: Yaml.LineCounter,
): number | undefined {
  const steps: (string | number)[] = []
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    steps.push(match[2] === undefined ? (match[1] ?? match[3] ?? '') : Number(match[2]))
  }
  while (steps.length > 0) {
    const node = nodeAt(steps)
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      const [start] = node.range
      if (typeof start === 'number') return lines.linePos(start).line
    }
    steps.pop()
  }
  return undefined
}
