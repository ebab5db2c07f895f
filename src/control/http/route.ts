import type { z } from 'zod'

/** Methods of the API. */
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** What a handler is given; `body` and `query` already passed their schemas. */
export interface RouteInput<Body = unknown, Query = unknown> {
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

/** One operation of the API: what the router serves and what `/openapi.json` says are both made from it. */
export interface Route {
  readonly method: Method
  /** Segments in braces are parameters: `/v1/workloads/{id}`. */
  readonly path: string
  readonly summary: string
  /** `token`: the bearer token of the data directory. */
  readonly auth: 'token' | 'none'
  readonly query?: z.ZodObject
  readonly body?: { readonly schema: z.ZodType; readonly limitBytes: number }
  readonly answer: z.ZodType
  /** Statuses beside 200, 401, 404, 405 and 500 that it may answer, with their reason. */
  readonly failures: Readonly<Record<number, string>>
  readonly handle: (input: RouteInput) => Promise<unknown>
}

/** What `defineRoute` takes: the same with the types of body, query and answer tied to their schemas. */
export interface RouteDefinition<
  Body extends z.ZodType,
  Query extends z.ZodObject,
  Answer extends z.ZodType,
> extends Omit<Route, 'body' | 'query' | 'answer' | 'handle'> {
  readonly query?: Query
  readonly body?: { readonly schema: Body; readonly limitBytes: number }
  readonly answer: Answer
  readonly handle: (input: RouteInput<z.output<Body>, z.output<Query>>) => Promise<z.input<Answer>>
}

/** Ties a handler's types to its schemas; the router guarantees that what it hands in was parsed by them. */
export function defineRoute<Body extends z.ZodType, Query extends z.ZodObject, Answer extends z.ZodType>(
  definition: RouteDefinition<Body, Query, Answer>,
): Route {
  return { ...definition, handle: (input) => definition.handle(input as RouteInput<z.output<Body>, z.output<Query>>) }
}
