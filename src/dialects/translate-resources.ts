import type { MeshParts, MeshSettings } from '../model/index.ts'
import type { Resource } from '../resources/index.ts'
import type { TranslateContext, TranslatedParts } from './contract.ts'
import { dialectOf } from './served-kinds.ts'

/**
 * What one object means; nothing for a kind that is only described (a Deployment) or ignored, or for an object with errors.
 * The result depends on nothing else, so a caller may keep it for as long as the object does not change.
 */
export function translateResource(resource: Resource, context: TranslateContext): TranslatedParts {
  return dialectOf(resource)?.translate(resource, context) ?? {}
}

/** Joins what several objects mean into the parts of a mesh; no order is implied. */
export function joinParts(settings: MeshSettings, parts: readonly TranslatedParts[]): MeshParts {
  return {
    settings,
    services: parts.flatMap((part) => part.services ?? []),
    workloads: parts.flatMap((part) => part.workloads ?? []),
    routes: parts.flatMap((part) => part.routes ?? []),
    destinations: parts.flatMap((part) => part.destinations ?? []),
    gateways: parts.flatMap((part) => part.gateways ?? []),
  }
}

/** Translates objects that passed `checkResources`. `createdAtOf` says when each was created, compared as text. */
export function translateResources(
  resources: readonly Resource[],
  settings: MeshSettings,
  createdAtOf: (resource: Resource) => string,
): MeshParts {
  return joinParts(
    settings,
    resources.map((resource) => translateResource(resource, { settings, createdAt: createdAtOf(resource) })),
  )
}
