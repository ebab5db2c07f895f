/**
 * Graceful end of listeners: stop accepting, tell clients to go, wait, cut. Knows neither HTTP nor TCP: the servers of
 * the chains know how to end what they run.
 */
export { idleTimeOf } from './idle-time.ts'
export { createDrainGroup, type Drainable, type DrainGroup } from './drain-group.ts'
