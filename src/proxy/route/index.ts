/**
 * Route matching and policy decisions (pure): `decide(table, request)` is what the proxy runs for each request, and
 * what explaining, planning and testing run offline. Nothing about sockets is in here.
 */
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
} from './decision.ts'
export { type RouteTable } from './route-table.ts'
