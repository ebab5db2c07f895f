import type { Mesh } from '../model/index.ts'
import type { XdsResource } from '../xds/index.ts'
import { createMeshIndex, type MeshIndex, type Trace } from './select/index.ts'

/** A result that was made once for a mesh, with what it looked at. */
export interface Unit<Value> {
  readonly value: Value
  readonly trace: Trace
}

/** Results that hold for one mesh. */
export interface MeshCache {
  readonly index: MeshIndex
  /** The unit under `key`, made by `make` the first time. The key must name everything that `make` depends on. */
  readonly unit: <Value>(key: string, make: () => Unit<Value>) => Unit<Value>
}

/**
 * What compilations share. Within one mesh each distinct cluster and virtual host is compiled once for all proxies;
 * across meshes equal bytes are one object, so that a comparison by identity finds what did not change.
 */
export interface CompileCache {
  readonly forMesh: (mesh: Mesh) => MeshCache
  /** The first resource with these bytes, or this one. */
  readonly intern: (resource: XdsResource) => XdsResource
}

/** Bounds of a cache. */
export interface CompileCacheLimits {
  /** Units of one mesh; 100,000 by default. */
  readonly maxUnits: number
  /** Resources kept for comparison; 100,000 by default. */
  readonly maxResources: number
}

/** Makes an empty cache. The units of a mesh go when the mesh goes. */
export function createCompileCache(limits: Partial<CompileCacheLimits> = {}): CompileCache {
  const { maxUnits = 100_000, maxResources = 100_000 } = limits
  const meshes = new WeakMap<Mesh, MeshCache>()
  const resources = new Map<string, XdsResource>()

  function forMesh(mesh: Mesh): MeshCache {
    const known = meshes.get(mesh)
    if (known !== undefined) return known
    const made = createMeshCache(mesh, maxUnits)
    meshes.set(mesh, made)
    return made
  }

  function intern(resource: XdsResource): XdsResource {
    const key = `${resource.typeUrl} ${resource.name} ${resource.version}`
    const known = resources.get(key)
    // Taken out and put in again: the first in the map is the one that was not used for longest.
    if (known !== undefined) resources.delete(key)
    const kept = known ?? resource
    resources.set(key, kept)
    if (resources.size > maxResources) {
      for (const oldest of resources.keys()) {
        resources.delete(oldest)
        break
      }
    }
    return kept
  }

  return { forMesh, intern }
}

function createMeshCache(mesh: Mesh, maxUnits: number): MeshCache {
  const units = new Map<string, Unit<unknown>>()
  return {
    index: createMeshIndex(mesh),
    unit<Value>(key: string, make: () => Unit<Value>): Unit<Value> {
      const known = units.get(key)
      // The key's first word says which kind of unit it is, so a key has one type of value.
      if (known !== undefined) return known as Unit<Value>
      const made = make()
      if (units.size >= maxUnits) units.clear()
      units.set(key, made)
      return made
    },
  }
}
