import type { Decision, RequestView } from './decision.ts'

/**
 * A compiled `RouteConfiguration`. Immutable: a change of one virtual host makes a new table that shares the others.
 * Made by `compileRouteTable` and `withVirtualHosts`; read by `decide`.
 */
export interface RouteTable {
  readonly name: string
  /** The resource has `vhds`: hosts that are not held can be asked for. */
  readonly onDemand: boolean
  /**
   * Matches a request. Pure: the same table, request and numbers give the same decision.
   *
   * @param random Uniform in [0, 1), drawn for runtime fractions.
   * @param split Uniform in [0, 1), drawn for weighted splits; default `random`. A stratified source keeps shares closer.
   */
  readonly decide: (request: RequestView, random: () => number, split?: () => number) => Decision
}
