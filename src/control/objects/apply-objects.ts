import type { Clock } from '../../base/index.ts'
import { checkResources, dialects } from '../../dialects/index.ts'
import { type Diagnostic, parseFiles, type Resource, resourceLabel } from '../../resources/index.ts'
import { ConflictError, type Store, type WriteOperation } from '../../store/index.ts'
import type { ApplyRequest, ApplyResponse } from '../rest/index.ts'
import { formatObjectRecord, objectKey, type ObjectRecord, parseObjectRecord } from './object-record.ts'

/** What became of an apply: stored, or refused with every fault found (warnings included). */
export type ApplyOutcome =
  | { readonly kind: 'applied'; readonly response: ApplyResponse }
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] }

/** An apply that meets another one writing the same objects reads again, this often. */
const maxAttempts = 5

/**
 * Parses and checks whole files and stores their objects in one commit, or stores nothing when anything is wrong.
 * With `dryRun` it stores nothing either way and answers the texts before and after. Objects that are stored as they are
 * already take no revision.
 */
export async function applyObjects(
  store: Store,
  clock: Clock,
  request: ApplyRequest,
  mode: 'apply' | 'dry-run',
): Promise<ApplyOutcome> {
  const { resources, diagnostics } = parseFiles(request.files, { defaultNamespace: request.namespace })
  const found = [...diagnostics, ...checkResources(resources)]
  if (found.some((diagnostic) => diagnostic.severity === 'error')) return { kind: 'refused', diagnostics: found }
  // What is not a mesh object was remarked upon and is none of ours: a Secret of the same directory is not copied here.
  const served = resources.filter(isServed)
  for (let attempt = 1; ; attempt++) {
    const plans = await Promise.all(served.map((resource) => planObject(store, clock, resource, found)))
    try {
      const operations = plans.flatMap((plan) => (plan.operation === undefined ? [] : [plan.operation]))
      const revision = mode === 'apply' ? await store.commit(operations) : (await store.list('none/')).revision
      const objects = plans.map((plan) => (mode === 'apply' ? plan.applied : { ...plan.applied, ...plan.texts }))
      return { kind: 'applied', response: { revision, objects, diagnostics: [...found] } }
    } catch (cause) {
      if (!(cause instanceof ConflictError) || attempt === maxAttempts) throw cause
    }
  }
}

function isServed({ group, kind }: Resource): boolean {
  return dialects.some(({ kinds }) => kinds.some((served) => served.group === group && served.kind === kind))
}

interface ObjectPlan {
  readonly applied: ApplyResponse['objects'][number]
  readonly texts: { readonly before?: string; readonly after: string }
  /** Absent when there is nothing to write. */
  readonly operation: WriteOperation | undefined
}

async function planObject(
  store: Store,
  clock: Clock,
  resource: Resource,
  diagnostics: readonly Diagnostic[],
): Promise<ObjectPlan> {
  const { kind, namespace, name } = resource
  const key = objectKey(resource)
  const stored = await store.get(key)
  const before = stored === undefined ? undefined : parseObjectRecord(stored.value)
  const value = formatObjectRecord(toRecord(resource, diagnostics, before?.createdAt ?? createdAt(clock)))
  const action = stored === undefined ? 'created' : stored.value === value ? 'unchanged' : 'configured'
  return {
    applied: { key: key.slice(key.indexOf('/') + 1), kind, namespace, name, action },
    texts: { after: resource.text, ...(before === undefined ? {} : { before: before.text }) },
    operation:
      action === 'unchanged' ? undefined : { kind: 'put', key, value, expectedRevision: stored?.revision ?? 0 },
  }
}

function toRecord(resource: Resource, diagnostics: readonly Diagnostic[], created: string): ObjectRecord {
  const { apiVersion, kind, namespace, name, text, file, firstLine } = resource
  const label = resourceLabel(resource)
  const remarks = diagnostics.filter((diagnostic) => diagnostic.file === file && diagnostic.resource === label)
  return { apiVersion, kind, namespace, name, text, file, firstLine, createdAt: created, remarks: [...remarks] }
}

function createdAt(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}
