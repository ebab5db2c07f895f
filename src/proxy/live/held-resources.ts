import type { ReceivedResource } from '../../xds/client/index.ts'

/** The resources that were accepted last, as bytes: what serves now, what is kept on disk, what `/config_dump` shows. */
export class HeldResources {
  readonly #types = new Map<string, Map<string, ReceivedResource>>()

  get(typeUrl: string, name: string): ReceivedResource | undefined {
    return this.#types.get(typeUrl)?.get(name)
  }

  put(resource: ReceivedResource): void {
    const type = this.#types.get(resource.typeUrl) ?? new Map<string, ReceivedResource>()
    this.#types.set(resource.typeUrl, type.set(resource.name, resource))
  }

  remove(typeUrl: string, name: string): void {
    this.#types.get(typeUrl)?.delete(name)
  }

  list(typeUrl: string): readonly ReceivedResource[] {
    return [...(this.#types.get(typeUrl)?.values() ?? [])]
  }

  all(): readonly ReceivedResource[] {
    return [...this.#types.values()].flatMap((type) => [...type.values()])
  }
}
