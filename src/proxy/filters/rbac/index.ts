/**
 * Role-based access control (`envoy.config.rbac.v3`, pure): rules in as plain data, a decision out.
 *
 *     RbacDefinition (from config/) -> createRbacEngine -> engine.decide(subject) -> RbacVerdict
 *
 * Whatever could be read in two ways is read against the request: a rule that lets through must hold for every reading, one
 * that denies for any. Knows nothing of protobuf, sockets, responses or counters; who asks acts on the verdict.
 */
export { createRbacEngine } from './rbac-engine.ts'
export {
  type IpRange,
  type RbacConfig,
  type RbacDefinition,
  type RbacEngine,
  type RbacPolicy,
  type RbacRule,
  type RbacSubject,
  type RbacVerdict,
} from './contract.ts'
