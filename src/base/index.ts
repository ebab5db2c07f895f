/**
 * The leaf of the house: small parts with no knowledge of meshes, wires or configuration.
 *
 * Nothing here reads a clock, a socket or a file by itself; what needs one is handed it. A new part belongs here only
 * if two folders that do not import each other need it.
 */
export { type Brand } from './brand.ts'
export { type Clock, systemClock } from './clock.ts'
export { assertNever, BugError, invariant } from './invariant.ts'
export { MeshError } from './mesh-error.ts'
export { parseIp } from './parse-ip.ts'
export { createStratifiedRandom } from './stratified-random.ts'
export { err, ok, type Err, type Ok, type Result } from './result.ts'
export {
  type Alarm,
  systemAlarm,
  type TimerOwner,
  TimerWheel,
  type TimerWheelOptions,
  WheelTimer,
} from './timer-wheel.ts'
