import type { RoutePolicy } from '../route-policy.ts'

/**
 * Redirects. "The port of the request" is the port that was called, known when the configuration is compiled;
 * "the protocol's default" is what the proxy does when no port is named.
 */
export const redirectPolicy: RoutePolicy = {
  name: 'redirect',
  apply(plan, { rule, port: calledPort }) {
    if (rule.action.kind !== 'redirect') return
    const { kind, status, path, prefixRewrite, authority, scheme } = rule.action
    const port = rule.action.port === 'from-request' ? calledPort : rule.action.port
    plan.action = {
      kind,
      status,
      ...(path === undefined ? {} : { path }),
      ...(prefixRewrite === undefined ? {} : { prefixRewrite }),
      ...(authority === undefined ? {} : { authority }),
      ...(scheme === undefined ? {} : { scheme }),
      ...(typeof port === 'number' ? { port } : {}),
    }
  },
}
