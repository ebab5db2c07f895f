import type { CompiledFault, FaultDraw } from './decision.ts'

const million = 1_000_000
const untouched: FaultDraw = Object.freeze({ delayMs: 0, abort: false })

/**
 * Draws what the fault filter does to one request: delay and abort independently, each by its share.
 *
 * @param random Uniform in [0, 1); not called for shares of nothing or of everything.
 */
export function drawFault(fault: CompiledFault | undefined, random: () => number): FaultDraw {
  if (fault === undefined) return untouched
  const delay = fault.delayMs > 0 && drawShare(fault.delayPartsPerMillion, random)
  const abort = drawShare(fault.abortPartsPerMillion, random)
  return delay || abort ? { delayMs: delay ? fault.delayMs : 0, abort } : untouched
}

/** True for the given share of draws, in parts per million. */
export function drawShare(partsPerMillion: number, random: () => number): boolean {
  if (partsPerMillion <= 0) return false
  return partsPerMillion >= million || random() * million < partsPerMillion
}
