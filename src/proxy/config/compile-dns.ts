import type { DnsTable_DnsVirtualDomain } from '../../xds/generated/envoy/data/dns/v3/dns_table_pb.ts'
import type {
  DnsFilterConfig,
  DnsFilterConfig_ClientContextConfig,
} from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { addressValue, isIpAddress } from './address-values.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { durationMs, requiredText } from './field-values.ts'
import type { DnsTable } from './listener-config.ts'

/** Envoy's default `answer_ttl`. */
const defaultTtlSeconds = 300

/** Compiles `envoy.filters.udp.dns_filter` with an inline table of addresses. */
export function compileDns(context: CompileContext, path: string, message: DnsFilterConfig): DnsTable {
  const source = message.serverConfig?.configSource
  const at = fieldPath(path, 'server_config.inline_dns_table.virtual_domains')
  const domains = source?.case === 'inlineDnsTable' ? source.value.virtualDomains : []
  if (source?.case !== 'inlineDnsTable') {
    context.faults.add(fieldPath(path, 'server_config'), 'Expected inline_dns_table')
  }
  const names = new Map<string, readonly string[]>()
  const ttls = new Set<number>()
  domains.forEach((domain, index) => {
    const here = `${at}[${index}]`
    const name = requiredText(context, `${here}.name`, domain.name).toLowerCase().replace(/\.$/, '')
    if (names.has(name)) context.faults.add(`${here}.name`, `Name ${name} is given twice`)
    if (name.includes('*')) context.faults.add(`${here}.name`, 'Wildcard names are not implemented by this proxy')
    names.set(name, addressesOf(context, here, domain))
    const ttlMs = durationMs(context, `${here}.answer_ttl`, {
      value: domain.answerTtl,
      absent: defaultTtlSeconds * 1000,
    })
    ttls.add(Math.round(ttlMs / 1000))
    if (ttls.size > 1)
      context.faults.add(`${here}.answer_ttl`, 'One time to live for all names is implemented; these differ')
  })
  const [ttlSeconds = defaultTtlSeconds] = ttls
  return { names, ttlSeconds, resolvers: resolversOf(context, fieldPath(path, 'client_config'), message.clientConfig) }
}

function addressesOf(context: CompileContext, path: string, domain: DnsTable_DnsVirtualDomain): readonly string[] {
  const choice = domain.endpoint?.endpointConfig
  const at = fieldPath(path, 'endpoint.address_list')
  if (choice?.case !== 'addressList') {
    context.faults.add(at, 'Expected addresses')
    return []
  }
  choice.value.address.forEach((address, index) => {
    if (!isIpAddress(address)) {
      context.faults.add(`${at}.address[${index}]`, `Expected an IP address, got ${JSON.stringify(address)}`)
    }
  })
  return choice.value.address
}

function resolversOf(
  context: CompileContext,
  path: string,
  client: DnsFilterConfig_ClientContextConfig | undefined,
): DnsTable['resolvers'] {
  if (client === undefined) return []
  const explicit = client.dnsResolutionConfig?.resolvers
  const field = explicit === undefined ? 'upstream_resolvers' : 'dns_resolution_config.resolvers'
  return (explicit ?? client.upstreamResolvers).map((value, index) => {
    const { address, port } = addressValue(context, fieldPath(path, `${field}[${index}]`), { value, kinds: 'ip' })
    return { address, port: port === 0 ? 53 : port }
  })
}
