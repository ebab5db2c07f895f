import type { Service, ServicePort, TcpUpstream } from '../model/index.ts'
import { pushOrder, type XdsResource, type XdsType } from '../xds/index.ts'
import type { CompileInput, CompileResult } from './contract.ts'
import { type CompileCache, createCompileCache, type MeshCache } from './compile-cache.ts'
import { everyHost, workloadKey } from './dependencies.ts'
import {
  emitAllRoutes,
  emitBlackHoleCluster,
  emitCluster,
  emitConnectCluster,
  emitDns,
  emitEndpoints,
  emitHttpProxy,
  emitInbound,
  emitOnDemandRoutes,
  emitPassthroughCluster,
  emitTransparent,
  emitUpstream,
  emitUpstreamRoutes,
  emitVirtualHost,
} from './emit/index.ts'
import { type ClusterTarget, findClusterTarget, planCluster } from './plan-cluster.ts'
import { planInbound } from './plan-inbound.ts'
import { planDns, planTransparent, visibleServices } from './plan-transparent.ts'
import { planUpstream, planUpstreamHost } from './plan-upstream.ts'
import { planVirtualHost, type RouteSelection, selectRoutes } from './plan-virtual-host.ts'
import type { ClusterRef, VirtualHostPlan } from './plan.ts'
import {
  type ClientView,
  createTrace,
  defaultHttpPort,
  mergeTrace,
  resolveAuthority,
  spellingsOf,
  withTrace,
} from './select/index.ts'
import { isHttp } from './wire-protocol.ts'
import { httpProxyName } from '../xds/index.ts'

/**
 * Compiles what one proxy should hold. Pure: equal meshes, workloads and interests give equal bytes, whatever is in the
 * cache. A workload without a proxy gets an empty snapshot.
 *
 * @param cache Shared by the compilations of many proxies; by default one that is thrown away.
 */
export function compileProxy(input: CompileInput, cache: CompileCache = createCompileCache()): CompileResult {
  return new Compilation(input, cache).run()
}

/** A virtual host with the clusters that it sends to. */
interface RoutedHost<Value> {
  readonly value: Value
  readonly refs: readonly ClusterRef[]
}

/** One compilation: what was emitted so far and which clusters are still to come. */
class Compilation {
  readonly #input: CompileInput
  readonly #cache: CompileCache
  readonly #mesh: MeshCache
  readonly #view: ClientView
  readonly #resources = new Map<XdsType, Map<string, XdsResource>>()
  readonly #clusters = new Map<string, ClusterRef>()

  constructor(input: CompileInput, cache: CompileCache) {
    this.#input = input
    this.#cache = cache
    this.#mesh = cache.forMesh(input.mesh)
    const { mesh, workload } = input
    this.#view = { mesh, workload, index: this.#mesh.index, trace: createTrace() }
  }

  run(): CompileResult {
    const view = this.#view
    const { proxy } = view.workload
    view.trace.hosts.add(workloadKey(view.workload.id))
    if (proxy !== undefined) {
      for (const plan of planInbound(view, proxy.inboundAddress)) {
        this.#add(emitInbound(plan))
        this.#add(emitCluster(plan.cluster))
      }
      const onDemand = this.#input.interest.kind === 'on-demand'
      this.#add(emitHttpProxy(proxy.httpProxyPort, view.workload.origin, { onDemand }))
      this.#add(emitConnectCluster(proxy.httpProxyPort))
      this.#httpRoutes()
      for (const upstream of proxy.tcpUpstreams) this.#upstream(upstream)
      if (proxy.transparentPort !== undefined) this.#transparent(proxy.transparentPort, onDemand)
      if (proxy.dnsPort !== undefined) {
        view.trace.hosts.add(everyHost)
        this.#add(emitDns(planDns(view, proxy.dnsPort), view.workload.origin))
      }
      for (const ref of this.#clusters.values()) this.#cluster(ref)
    }
    return this.#result()
  }

  #httpRoutes(): void {
    const { interest } = this.#input
    if (interest.kind === 'everything') {
      this.#view.trace.hosts.add(everyHost)
      const hosts = this.#everyHost()
      this.#add(emitAllRoutes(hosts.map((host) => host.value)))
      for (const host of hosts) this.#need(host.refs)
      return
    }
    this.#add(emitOnDemandRoutes())
    for (const authority of [...interest.authorities].toSorted()) {
      const host = this.#onDemandHost(authority)
      if (host === undefined) continue
      this.#add(host.value)
      this.#need(host.refs)
    }
  }

  /** The virtual host of one authority; undefined when it means nothing to this client. */
  #onDemandHost(authority: string): RoutedHost<XdsResource> | undefined {
    const target = resolveAuthority(this.#view, authority)
    if (target === undefined) return undefined
    if (target.kind === 'service' && !this.#servesHttp(target.service, target.port)) return undefined
    const selection = selectRoutes(this.#view, target)
    const label = { name: `${httpProxyName}/${authority}`, domains: [authority] }
    return this.#unit(`virtual-host ${authority} ${selection.key}`, (view) => {
      const plan = planVirtualHost(view, selection, label)
      return { value: emitVirtualHost(plan), refs: clusterRefs(plan) }
    })
  }

  #servesHttp(service: Service, port: ServicePort): boolean {
    if (isHttp(port.protocol)) return true
    this.#view.trace.warnings.push({
      code: 'WEFT_COMPILE_PROTOCOL_NOT_HTTP',
      message: `Port ${port.number} of ${service.host} is ${port.protocol}, not HTTP; requests through the HTTP proxy get 404`,
      origin: service.origin,
    })
    return false
  }

  /** All virtual hosts for a client that cannot ask for single ones: each HTTP port of each service, then other hosts of route objects. */
  #everyHost(): readonly RoutedHost<VirtualHostPlan>[] {
    const view = this.#view
    const hosts: RoutedHost<VirtualHostPlan>[] = []
    for (const service of visibleServices(view)) {
      for (const port of service.ports) {
        if (!isHttp(port.protocol)) continue
        const domains = this.#domains(service, port)
        if (domains.length === 0) continue
        const selection = selectRoutes(view, { kind: 'service', service, port })
        hosts.push(this.#inlineHost(`${service.host}:${port.number}`, domains, selection))
      }
    }
    for (const host of [...view.mesh.routesByHost.keys()].toSorted()) {
      if (host === '*' || view.mesh.services.has(host)) continue
      const target = { kind: 'route-only', host, port: defaultHttpPort } as const
      const selection = selectRoutes(view, target)
      if (selection.route === undefined || !selection.route.hosts.includes(host)) continue
      const domains = spellingsOf(host, view.workload.namespace, view.mesh.settings.serviceDomain)
        .filter((name) => name === host || resolveAuthority(view, name)?.kind === 'route-only')
        .flatMap((name) => [name, `${name}:${defaultHttpPort}`])
      hosts.push(this.#inlineHost(`${host}:${defaultHttpPort}`, domains, selection))
    }
    return hosts
  }

  #inlineHost(name: string, domains: readonly string[], selection: RouteSelection): RoutedHost<VirtualHostPlan> {
    return this.#unit(`inline-host ${domains.join(' ')} ${selection.key}`, (view) => {
      const plan = planVirtualHost(view, selection, { name, domains })
      return { value: plan, refs: clusterRefs(plan) }
    })
  }

  /** Authorities that mean this port of this service and nothing else. */
  #domains(service: Service, port: ServicePort): readonly string[] {
    const { mesh, workload, index } = this.#view
    const names = [
      ...spellingsOf(service.host, workload.namespace, mesh.settings.serviceDomain),
      ...service.addresses.filter((address) => !address.includes('/')).map(bracketed),
    ]
    const isOwn = (authority: string): boolean => {
      // Patterns are not authorities; they stand for themselves.
      if (service.host.includes('*')) return true
      const view = { mesh, workload, index, trace: createTrace() }
      const found = resolveAuthority(view, authority)
      return found?.kind === 'service' && found.service === service && found.port === port
    }
    const forms = names.flatMap((name) => [
      ...(port.number === defaultHttpPort ? [name] : []),
      `${name}:${port.number}`,
    ])
    return [...new Set(forms)].filter(isOwn)
  }

  #upstream(upstream: TcpUpstream): void {
    const { listener, refs, http } = planUpstream(this.#view, upstream)
    this.#add(emitUpstream(listener))
    this.#need(refs)
    if (http === undefined) return
    const selection = selectRoutes(this.#view, { kind: 'service', ...http })
    const host = this.#unit(`upstream ${listener.name} ${selection.key}`, (view) => {
      const plan = planUpstreamHost(view, selection, listener.name)
      return { value: emitUpstreamRoutes(plan), refs: clusterRefs(plan) }
    })
    this.#add(host.value)
    this.#need(host.refs)
  }

  #transparent(port: number, onDemand: boolean): void {
    const view = this.#view
    view.trace.hosts.add(everyHost)
    const { plan, refs } = planTransparent(view, port)
    this.#add(emitTransparent(plan, view.workload.origin, { onDemand }))
    this.#add(emitPassthroughCluster())
    this.#add(emitBlackHoleCluster())
    this.#need(refs)
  }

  #cluster(ref: ClusterRef): void {
    const target = findClusterTarget(this.#view, ref)
    if ('code' in target) {
      this.#view.trace.warnings.push({ ...target, origin: ref.origin })
      return
    }
    this.#warnOfPassthrough(target)
    const { destination } = target
    const rules = destination === undefined ? '' : `${destination.namespace}/${destination.name}`
    const { value } = this.#unit(`cluster ${ref.name} ${rules}`, (view) => {
      const plan = planCluster(view, ref, target)
      const endpoints = plan.discovery === 'eds' ? emitEndpoints(plan) : undefined
      return { value: { cluster: emitCluster(plan), endpoints }, refs: [] }
    })
    this.#add(value.cluster)
    if (value.endpoints !== undefined) this.#add(value.endpoints)
  }

  /** Passing through needs the address that the application dialled, and only intercepted connections have one. */
  #warnOfPassthrough({ service, policy }: ClusterTarget): void {
    const { trace, workload } = this.#view
    if (policy?.loadBalancer !== 'passthrough' || workload.proxy?.transparentPort !== undefined) return
    trace.warnings.push({
      code: 'WEFT_COMPILE_PASSTHROUGH',
      message: `Balancing PASSTHROUGH of ${service.host} works for workloads started with --transparent only; others get 503`,
      origin: policy.origin,
    })
  }

  /** Runs `make` once for this mesh and `key`; what it looked at counts for every proxy that uses it. */
  #unit<Value>(key: string, make: (view: ClientView) => RoutedHost<Value>): RoutedHost<Value> {
    const unit = this.#mesh.unit(key, () => {
      const trace = createTrace()
      return { value: make(withTrace(this.#view, trace)), trace }
    })
    mergeTrace(this.#view.trace, unit.trace)
    return unit.value
  }

  #need(refs: readonly ClusterRef[]): void {
    for (const ref of refs) if (!this.#clusters.has(ref.name)) this.#clusters.set(ref.name, ref)
  }

  #add(resource: XdsResource): void {
    const kept = this.#cache.intern(resource)
    const ofType = this.#resources.get(kept.typeUrl)
    if (ofType === undefined) this.#resources.set(kept.typeUrl, new Map([[kept.name, kept]]))
    else ofType.set(kept.name, kept)
  }

  #result(): CompileResult {
    const snapshot = new Map<XdsType, ReadonlyMap<string, XdsResource>>()
    for (const type of pushOrder) {
      const resources = this.#resources.get(type)
      if (resources === undefined) continue
      snapshot.set(type, new Map([...resources].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))))
    }
    const warnings = new Map(
      this.#view.trace.warnings.map((warning) => [
        [warning.code, warning.message, warning.origin.file, warning.origin.line].join('\0'),
        warning,
      ]),
    )
    return { snapshot, dependsOn: this.#view.trace.hosts, warnings: [...warnings.values()] }
  }
}

function clusterRefs(plan: VirtualHostPlan): readonly ClusterRef[] {
  return plan.routes.flatMap(({ action }) => (action.kind === 'split' ? action.legs.map((leg) => leg.cluster) : []))
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
