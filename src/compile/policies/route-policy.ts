import type { HttpMatch, HttpRouteRule } from '../../model/index.ts'
import type { RoutePlan } from '../plan.ts'
import type { ClientView } from '../select/index.ts'

/** What a route policy decides from. */
export interface RouteInput {
  readonly view: ClientView
  readonly rule: HttpRouteRule
  /** The one of the rule's matches that this route is for; absent: every request. */
  readonly match: HttpMatch | undefined
  /** Port that was called. */
  readonly port: number
}

/** Adds its facts about one route to the plan. */
export interface RoutePolicy {
  readonly name: string
  readonly apply: (plan: RoutePlan, input: RouteInput) => void
}
