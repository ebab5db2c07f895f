import { z } from 'zod'
import type { Clock } from '../../../base/index.ts'
import type { Store, StoredObject } from '../../../store/index.ts'
import type { LiveMesh } from '../../mesh/index.ts'
import { applyObjects, objectKey, objectPrefix, parseObjectRecord } from '../../objects/index.ts'
import {
  applyRequestSchema,
  applyResponseSchema,
  deleteRequestSchema,
  deleteResponseSchema,
  resourceListSchema,
  storedResourceSchema,
  type ApplyRequest,
  type ApplyResponse,
  type DeleteResponse,
  type StoredResource,
} from '../../rest/index.ts'
import { HttpError } from '../http-error.ts'
import { defineRoute, type Route } from '../route.ts'

/** What the routes of users' objects need. */
export interface ResourceDependencies {
  readonly store: Store
  readonly live: LiveMesh
  readonly clock: Clock
}

/** Bytes of an apply: all files together. */
const applyLimitBytes = 32 * 1024 * 1024

/** Bytes of a deletion: 10,000 names of the usual length. */
const deleteLimitBytes = 4 * 1024 * 1024

const resourcePath = '/v1/resources/{group}/{kind}/{namespace}/{name}'

/** Apply, diff, get, list and delete users' objects. */
export function resourceRoutes(dependencies: ResourceDependencies): readonly Route[] {
  return [...applyRoutes(dependencies), ...readRoutes(dependencies), ...deleteRoutes(dependencies)]
}

function applyRoutes({ store, live, clock }: ResourceDependencies): readonly Route[] {
  const run = async (request: ApplyRequest, mode: 'apply' | 'dry-run'): Promise<ApplyResponse> => {
    const outcome = await applyObjects(store, clock, request, mode)
    if (outcome.kind === 'applied') {
      await live.reached(outcome.response.revision)
      return outcome.response
    }
    const count = outcome.diagnostics.filter(({ severity }) => severity === 'error').length
    const message = `Nothing was stored: ${count} ${count === 1 ? 'fault' : 'faults'} found`
    throw new HttpError(422, 'WEFT_CONTROL_REFUSED', message, { diagnostics: [...outcome.diagnostics] })
  }
  const shape = {
    method: 'POST' as const,
    auth: 'token' as const,
    body: { schema: applyRequestSchema, limitBytes: applyLimitBytes },
    answer: applyResponseSchema,
    failures: {
      400: 'The request is malformed',
      409: 'Somebody else kept writing the same objects',
      413: 'The files are larger than 32 MiB',
      422: 'The files have faults, all in `diagnostics`; nothing was stored',
    },
  }
  return [
    defineRoute({
      ...shape,
      path: '/v1/apply',
      summary: 'Stores all objects of the files, or none',
      handle: ({ body }) => run(body, 'apply'),
    }),
    defineRoute({
      ...shape,
      path: '/v1/diff',
      summary: 'What apply would do, with the texts before and after; stores nothing',
      handle: ({ body }) => run(body, 'dry-run'),
    }),
  ]
}

function readRoutes({ store }: ResourceDependencies): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/resources',
      summary: 'Stored objects, sorted by key',
      auth: 'token',
      query: z.object({ kind: z.string().optional(), namespace: z.string().optional() }),
      answer: resourceListSchema,
      failures: {},
      handle: async ({ query: { kind, namespace } }) => {
        const { objects, revision } = await store.list(objectPrefix)
        const resources = objects
          .flatMap((object) => toStoredResource(object) ?? [])
          .filter((resource) => kind === undefined || resource.kind === kind)
          .filter((resource) => namespace === undefined || resource.namespace === namespace)
        return { revision, resources }
      },
    }),
    defineRoute({
      method: 'GET',
      path: resourcePath,
      summary: 'One stored object; group `core` for Kubernetes’ own',
      auth: 'token',
      answer: storedResourceSchema,
      failures: { 404: 'There is no such object' },
      handle: async ({ params }) => {
        const object = await store.get(keyOf(nameOf(params)))
        const resource = object && toStoredResource(object)
        if (resource === undefined) throw notFound(nameOf(params))
        return resource
      },
    }),
  ]
}

function deleteRoutes({ store, live }: ResourceDependencies): readonly Route[] {
  const run = async (names: readonly ObjectName[]): Promise<DeleteResponse> => {
    const byKey = new Map(names.map((name) => [keyOf(name), name]))
    const found = await Promise.all([...byKey].map(async ([key, name]) => ({ name, object: await store.get(key) })))
    const missing = found.filter(({ object }) => object === undefined)
    if (missing.length > 0) throw notFound(...missing.map(({ name }) => name))
    const operations = found.flatMap(({ object }) =>
      object === undefined ? [] : [{ kind: 'delete' as const, key: object.key, expectedRevision: object.revision }],
    )
    const revision = await store.commit(operations)
    await live.reached(revision)
    return { revision }
  }
  const conflict = 'Somebody else wrote an object in between; nothing was deleted'
  return [
    defineRoute({
      method: 'DELETE',
      path: resourcePath,
      summary: 'Deletes one object',
      auth: 'token',
      answer: deleteResponseSchema,
      failures: { 404: 'There is no such object', 409: conflict },
      handle: ({ params }) => run([nameOf(params)]),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/delete',
      summary: 'Deletes all objects named, or none, in one revision',
      auth: 'token',
      body: { schema: deleteRequestSchema, limitBytes: deleteLimitBytes },
      answer: deleteResponseSchema,
      failures: {
        400: 'The request is malformed',
        404: 'Some of the objects are not stored; nothing was deleted',
        409: conflict,
      },
      handle: ({ body }) => run(body.names),
    }),
  ]
}

interface ObjectName {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

function nameOf(params: Readonly<Record<string, string>>): ObjectName {
  const { group = '', kind = '', namespace = '', name = '' } = params
  return { group, kind, namespace, name }
}

function keyOf(name: ObjectName): string {
  return objectKey({ ...name, group: name.group === 'core' ? '' : name.group })
}

function notFound(...names: readonly ObjectName[]): HttpError {
  const listed = names.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)
  const verb = names.length === 1 ? 'is' : 'are'
  return new HttpError(404, 'WEFT_CONTROL_NOT_FOUND', `${clipList(listed)} ${verb} not stored`)
}

/** At most ten of a list, for a message. */
function clipList(texts: readonly string[]): string {
  const more = texts.length - 10
  return texts.slice(0, 10).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function toStoredResource({ key, value, revision }: StoredObject): StoredResource | undefined {
  const record = parseObjectRecord(value)
  if (record === undefined) return undefined
  const { apiVersion, kind, namespace, name, file, firstLine, text, remarks } = record
  const line = firstLine
  return { key: key.slice(objectPrefix.length), apiVersion, kind, namespace, name, file, line, revision, text, remarks }
}
