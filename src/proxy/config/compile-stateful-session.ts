import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type StatefulSession as SessionMessage,
  StatefulSessionPerRouteSchema,
} from '../../xds/generated/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts'
import { CookieBasedSessionStateSchema } from '../../xds/generated/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.ts'
import { HeaderBasedSessionStateSchema } from '../../xds/generated/envoy/extensions/http/stateful_session/header/v3/header_pb.ts'
import type { SessionSetting, StatefulSession } from '../route/index.ts'
import { unpackAny } from './any-types.ts'
import { checkCookieScope } from './compile-hash-policy.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath, keyPath } from './fault-list.ts'
import { durationMs, requiredText } from './field-values.ts'

/** Name of the filter in `http_filters` and in `typed_per_filter_config`. */
export const statefulSessionName = 'envoy.filters.http.stateful_session'

/** Compiles the filter's settings; no session when it names no state (routes may). */
export function compileStatefulSession(
  context: CompileContext,
  path: string,
  { sessionState, strict }: SessionMessage,
): SessionSetting {
  if (sessionState === undefined) return { session: undefined }
  const any = sessionState.typedConfig
  const at = fieldPath(path, 'session_state.typed_config')
  const cookie = unpackAny(any, CookieBasedSessionStateSchema)?.cookie
  if (cookie !== undefined) {
    checkCookieScope(context, `${at}.cookie`, cookie)
    const ttlMs = durationMs(context, `${at}.cookie.ttl`, { value: cookie.ttl, absent: 0 })
    const { name, path: scope } = cookie
    return { session: { kind: 'cookie', name, path: scope, ttlSeconds: Math.floor(ttlMs / 1000), strict } }
  }
  const header = unpackAny(any, HeaderBasedSessionStateSchema)
  if (header !== undefined) return { session: headerSession(context, `${at}.name`, header.name, strict) }
  context.faults.add(at, 'Expected a CookieBasedSessionState with a cookie, or a HeaderBasedSessionState')
  return { session: undefined }
}

function headerSession(context: CompileContext, path: string, name: string, strict: boolean): StatefulSession {
  requiredText(context, path, name)
  // The name is written into a field of the response.
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/.test(name))
    context.faults.add(path, `Expected a header name, got ${JSON.stringify(name)}`)
  return { kind: 'header', name: name.toLowerCase(), strict }
}

/** Settings of one level of `typed_per_filter_config`; undefined: the level above counts. */
export function compilePerRouteSession(
  context: CompileContext,
  path: string,
  configs: Readonly<Record<string, Any>>,
): SessionSetting | undefined {
  const any = Object.hasOwn(configs, statefulSessionName) ? configs[statefulSessionName] : undefined
  if (any === undefined) return undefined
  const at = keyPath(fieldPath(path, 'typed_per_filter_config'), statefulSessionName)
  const choice = unpackAny(any, StatefulSessionPerRouteSchema)?.override
  if (choice?.case === 'disabled' && choice.value) return { session: undefined }
  if (choice?.case === 'statefulSession') return compileStatefulSession(context, `${at}.stateful_session`, choice.value)
  context.faults.add(at, 'Expected a StatefulSessionPerRoute, disabled: true or stateful_session')
  return undefined
}
