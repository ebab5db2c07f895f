import type { RbacConfig, RbacEngine, RbacSubject, RbacVerdict } from '../filters/index.ts'
import { withoutPort } from '../network/index.ts'
import { clientAddress } from './client-address.ts'
import type { Exchange } from './exchange.ts'

/**
 * `envoy.filters.http.rbac`: false when the request was refused, and answered. The route's settings count in place of the
 * filter's.
 */
export function authorize(exchange: Exchange, filter: { readonly name: string; readonly config: RbacConfig }): boolean {
  const { decision } = exchange
  const routed = decision !== undefined && 'route' in decision ? decision.route.rbac : undefined
  const config = routed === undefined ? filter.config : (routed.get(filter.name) ?? filter.config)
  if (config.shadow !== undefined) {
    const counters = exchange.stats.rbac(config.shadowStatPrefix ?? '')
    const { allowed } = verdictOf(exchange, config.shadow)
    if (allowed) counters.shadowAllowed.value += 1
    else counters.shadowDenied.value += 1
  }
  if (config.rules === undefined) return true
  const counters = exchange.stats.rbac(config.statPrefix ?? '')
  const verdict = verdictOf(exchange, config.rules)
  if (verdict.allowed) {
    counters.allowed.value += 1
    return true
  }
  counters.denied.value += 1
  exchange.reply(403, 'RBAC: access denied', 0, verdict.details)
  return false
}

/** What asks for nothing but the connection is asked once for it. */
function verdictOf(exchange: Exchange, engine: RbacEngine): RbacVerdict {
  const { connection, context } = exchange
  if (connection.rbac === engine && connection.rbacVerdict !== undefined) return connection.rbacVerdict
  const subject = context.rbacSubject
  subject.exchange = exchange
  const verdict = engine.decide(subject)
  subject.exchange = undefined
  if (engine.ofConnection) {
    connection.rbac = engine
    connection.rbacVerdict = verdict
  }
  return verdict
}

/** The exchange as rules see it. One for all exchanges of a server, which are looked at one at a time. */
export class ExchangeSubject implements RbacSubject {
  exchange: Exchange | undefined = undefined
  readonly request: NonNullable<RbacSubject['request']> = new RequestSubject(this)

  /** The exchange that is being decided on. */
  get current(): Exchange {
    if (this.exchange === undefined) throw new Error('Expected an exchange to decide on')
    return this.exchange
  }

  get connection(): RbacSubject['connection'] {
    return this.current.connection.info
  }

  get remoteAddress(): string {
    const { connection, plan, request } = this.current
    return withoutPort(clientAddress(request, plan.manager, connection.info.remoteAddress))
  }
}

/** Fields as filters of Envoy see them: without what the client has no business to say, forwarding fields written anew. */
class RequestSubject implements NonNullable<RbacSubject['request']> {
  readonly #subject: ExchangeSubject

  constructor(subject: ExchangeSubject) {
    this.#subject = subject
  }

  get method(): string {
    return this.#subject.current.request.method
  }

  get authority(): string {
    return this.#subject.current.request.authority
  }

  get path(): string {
    return this.#subject.current.request.path
  }

  get query(): string {
    return this.#subject.current.request.query
  }

  get scheme(): 'http' | 'https' {
    return this.#subject.current.request.scheme
  }

  header(name: string): string | undefined {
    const { connection, plan, request } = this.#subject.current
    if (!plan.disbelieved.has(name)) return request.header(name)
    if (!plan.manager.useRemoteAddress) return undefined
    if (name === 'x-forwarded-proto') return connection.info.tls ? 'https' : 'http'
    if (name !== 'x-forwarded-for') return undefined
    const before = request.header(name)
    const address = withoutPort(connection.info.remoteAddress)
    return before === undefined ? address : `${before},${address}`
  }

  values(name: string): readonly string[] {
    const { plan, request } = this.#subject.current
    return plan.disbelieved.has(name) ? [] : request.head.values(name)
  }
}
