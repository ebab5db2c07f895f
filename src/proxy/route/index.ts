/**
 * Route matching and policy decisions (pure): `decide(table, request)` is what the proxy runs for each request, and
 * what explaining, planning and testing run offline. Nothing about sockets, protobuf or xDS is in here.
 *
 *     RouteTableDefinition (plain data, from config/) -> createRouteTable -> RouteTable
 *     RouteTable + VirtualHostDefinition of VHDS -> withVirtualHosts -> RouteTable that shares the other hosts
 */
export {
  createRouteTable,
  decide,
  findOversizedBody,
  type OversizedBody,
  withVirtualHosts,
} from './compiled-route-table.ts'
export {
  RetryOn,
  type CompiledFault,
  type CompiledRetry,
  type Decision,
  type FaultDraw,
  type ForwardDecision,
  type HeaderEdits,
  type PathRewrite,
  type RequestView,
  type RouteFacts,
  type StreamDuration,
  type RouteUpgrades,
} from './decision.ts'
export { findDomainConflicts, type DomainConflict } from './domain-index.ts'
export { drawFault } from './draw-fault.ts'
export { inRange } from './match-conditions.ts'
export {
  compileRegularExpression,
  parseSubstitution,
  type RegularExpression,
  type Substitution,
} from './regular-expression.ts'
export { type HashCookie, type HashPolicy, type HashSource, hashRequest, hashText } from './request-hash.ts'
export { toRequestView, type PlainRequest } from './request-view.ts'
export { explainRetryOn, parseRetryOn } from './retry-on.ts'
export { compileHeaderMatch, type Condition, matchesString } from './match-conditions.ts'
export { rewritePath } from './rewrite-path.ts'
export {
  type ForwardDefinition,
  type HeaderMatch,
  type LegDefinition,
  type LevelEdits,
  type MatchDefinition,
  type PathMatch,
  type QueryMatch,
  type RedirectDefinition,
  type RespondDefinition,
  type RouteDefinition,
  type RouteTableDefinition,
  type StringMatch,
  type VirtualHostDefinition,
} from './route-definition.ts'
export { type RouteTable } from './route-table.ts'
export {
  readSession,
  type SessionSetting,
  sessionLine,
  setCookieLine,
  type StatefulSession,
} from './stateful-session.ts'
export { canonicalJson, createSubsetMatch, type SubsetMatch, subsetOf } from './subset-match.ts'
