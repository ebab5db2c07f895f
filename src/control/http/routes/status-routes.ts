import { z } from 'zod'
import type { LiveMesh } from '../../mesh/index.ts'
import { createStatus, type PushEngine, waitForEnforcement } from '../../push/index.ts'
import { enforcementSchema, statusSchema } from '../../rest/index.ts'
import { HttpError } from '../http-error.ts'
import { defineRoute, type Route } from '../route.ts'

/** What the routes about the state of the mesh need. */
export interface StatusDependencies {
  readonly engine: PushEngine
  readonly live: LiveMesh
  readonly version: string
  readonly trustDomain: string
  /** Whether the mesh follows the store. */
  readonly isReady: () => boolean
}

/** Longest wait of a long poll. */
const maxWaitMs = 120_000

/** Whole milliseconds in a query. */
const waitSchema = z
  .string()
  .regex(/^\d{1,7}$/)
  .default('30000')

/** Status, enforcement of a revision, liveness and readiness. */
export function statusRoutes(dependencies: StatusDependencies): readonly Route[] {
  const { engine, live, version, trustDomain } = dependencies
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/status',
      summary: 'The control plane, its proxies, what they refused, and warnings',
      auth: 'token',
      answer: statusSchema,
      failures: {},
      handle: async () => createStatus(engine, live, { version, trustDomain }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/enforcement/{revision}',
      summary: 'Waits until every proxy that a revision concerns has acknowledged it',
      auth: 'token',
      query: z.object({ timeoutMs: waitSchema }),
      answer: enforcementSchema,
      failures: { 400: 'The revision is not a number, or was not reached yet' },
      handle: ({ params: { revision = '' }, query, signal }) =>
        waitForEnforcement(engine, live, {
          revision: parseRevision(revision, live.revision),
          timeoutMs: Math.min(Number(query.timeoutMs), maxWaitMs),
          signal,
        }),
    }),
    ...healthRoutes(dependencies),
  ]
}

function healthRoutes({ isReady }: StatusDependencies): readonly Route[] {
  const answer = z.object({ status: z.string() })
  return [
    defineRoute({
      method: 'GET',
      path: '/healthz',
      summary: 'The process runs',
      auth: 'none',
      answer,
      failures: {},
      handle: async () => ({ status: 'ok' }),
    }),
    defineRoute({
      method: 'GET',
      path: '/readyz',
      summary: 'Changes of the store reach the proxies',
      auth: 'none',
      answer,
      failures: { 503: 'Not so: it is stopping, or its log says why' },
      handle: async () => {
        if (!isReady())
          throw new HttpError(
            503,
            'WEFT_CONTROL_NOT_READY',
            'The mesh does not follow the store: the control plane is stopping, or its log says why',
          )
        return { status: 'ready' }
      },
    }),
  ]
}

function parseRevision(text: string, head: number): number {
  const revision = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (revision <= head) return revision
  throw new HttpError(400, 'WEFT_CONTROL_REQUEST', `Expected a revision of at most ${head}, got ${text.slice(0, 30)}`)
}
