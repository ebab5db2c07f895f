import type { Resource } from '../../resources/index.ts'
import { isPlainMap } from '../../resources/schema/index.ts'

/** What a manifest says about the pods it would start. */
export interface PodDescription {
  readonly labels: ReadonlyMap<string, string>
  /** `default` when the manifest names none. */
  readonly serviceAccount: string
  readonly ports: readonly {
    readonly container: string
    readonly name: string
    readonly port: number
    readonly protocol: string
  }[]
}

/**
 * The pods that an object describes: a Pod itself, or the template of a Deployment, StatefulSet, DaemonSet, ReplicaSet or Job.
 * Undefined for every other kind. Reads leniently: what is not well formed is left out.
 */
export function podDescriptionOf(resource: Resource): PodDescription | undefined {
  if (resource.group === '' && resource.kind === 'Pod') return describe(resource.labels, mapAt(resource.body, 'spec'))
  if (resource.group !== 'apps' && resource.group !== 'batch') return undefined
  const template = mapAt(mapAt(resource.body, 'spec'), 'template')
  if (template === undefined) return undefined
  const labels = Object.entries(mapAt(mapAt(template, 'metadata'), 'labels') ?? {})
  return describe(new Map(labels.map(([name, value]) => [name, String(value)])), mapAt(template, 'spec'))
}

function describe(labels: ReadonlyMap<string, string>, spec: PlainMap | undefined): PodDescription {
  const account = spec?.['serviceAccountName'] ?? spec?.['serviceAccount']
  return {
    labels,
    serviceAccount: typeof account === 'string' && account !== '' ? account : 'default',
    ports: listAt(spec, 'containers').flatMap((container) =>
      listAt(container, 'ports').flatMap((port) => {
        const number = port['containerPort']
        if (typeof number !== 'number') return []
        const { name, protocol } = port
        return {
          container: textOr(container['name'], ''),
          name: textOr(name, ''),
          port: number,
          protocol: textOr(protocol, 'TCP'),
        }
      }),
    ),
  }
}

type PlainMap = Readonly<Record<string, unknown>>

function mapAt(map: PlainMap | undefined, name: string): PlainMap | undefined {
  const value = map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined
  return isPlainMap(value) ? value : undefined
}

function listAt(map: PlainMap | undefined, name: string): readonly PlainMap[] {
  const value = map?.[name]
  return Array.isArray(value) ? value.filter((item) => isPlainMap(item)) : []
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback
}
