/**
 * Filters of the data path whose logic stands by itself (pure). What is in here decides; who calls it replies, counts, closes.
 * Knows nothing of sockets, protobuf and xDS.
 */
export {
  createRbacEngine,
  type IpRange,
  type RbacConfig,
  type RbacDefinition,
  type RbacEngine,
  type RbacPolicy,
  type RbacRule,
  type RbacSubject,
  type RbacVerdict,
} from './rbac/index.ts'
