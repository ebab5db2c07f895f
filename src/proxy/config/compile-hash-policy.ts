import type {
  RouteAction_HashPolicy,
  RouteAction_HashPolicy_Cookie,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import type { HashCookie, HashPolicy } from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { durationMs, requiredText } from './field-values.ts'

/** Compiles `RouteAction.hash_policy`; undefined when there is none. */
export function compileHashPolicies(
  context: CompileContext,
  path: string,
  messages: readonly RouteAction_HashPolicy[],
): readonly HashPolicy[] | undefined {
  if (messages.length === 0) return undefined
  return messages.flatMap((message, index) => {
    const policy = compilePolicy(context, `${path}[${index}]`, message)
    return policy === undefined ? [] : [policy]
  })
}

function compilePolicy(
  context: CompileContext,
  path: string,
  { policySpecifier, terminal }: RouteAction_HashPolicy,
): HashPolicy | undefined {
  switch (policySpecifier.case) {
    case 'header': {
      const name = requiredText(context, `${path}.header.header_name`, policySpecifier.value.headerName)
      return { kind: 'header', name: name.toLowerCase(), terminal }
    }
    case 'cookie':
      return { ...compileCookie(context, fieldPath(path, 'cookie'), policySpecifier.value), terminal }
    case 'connectionProperties':
      if (policySpecifier.value.sourceIp) return { kind: 'source-ip', terminal }
      context.faults.add(fieldPath(path, 'connection_properties'), 'Expected source_ip: true')
      return undefined
    case 'queryParameter':
      return {
        kind: 'query',
        name: requiredText(context, `${path}.query_parameter.name`, policySpecifier.value.name),
        terminal,
      }
    case undefined:
      context.faults.add(path, 'Expected header, cookie, connection_properties or query_parameter')
      return undefined
    default:
      // Reported by the support check.
      return undefined
  }
}

function compileCookie(context: CompileContext, path: string, message: RouteAction_HashPolicy_Cookie): HashCookie {
  const name = checkCookieScope(context, path, message)
  const ttlMs = durationMs(context, fieldPath(path, 'ttl'), { value: message.ttl, absent: undefined })
  return {
    kind: 'cookie',
    name,
    path: message.path,
    ttlSeconds: ttlMs === undefined ? undefined : Math.floor(ttlMs / 1000),
  }
}

/** Checks name and path of a cookie that this proxy makes; gives the name. */
export function checkCookieScope(
  context: CompileContext,
  path: string,
  message: { readonly name: string; readonly path: string },
): string {
  const name = requiredText(context, fieldPath(path, 'name'), message.name)
  // Name and path are written into a field of the response: nothing that could end the pair, the attribute or the line.
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/.test(name)) {
    context.faults.add(fieldPath(path, 'name'), `Expected a cookie name, got ${JSON.stringify(name)}`)
  }
  if (!/^[\u0020-\u003a\u003c-\u007e]*$/.test(message.path)) {
    context.faults.add(fieldPath(path, 'path'), `Expected a path, got ${JSON.stringify(message.path)}`)
  }
  return name
}
