import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import { err, ok, type Result } from '../../base/index.ts'
import { DeltaDiscoveryResponseSchema } from '../../xds/generated/envoy/service/discovery/v3/discovery_pb.ts'
import type { ReceivedResource } from '../../xds/client/index.ts'
import { maxLastGoodBytes, saveDelayMs } from './limits.ts'

/** Names the format; another one is not read. */
const magic = Buffer.from('weft-last-good-1')
const digestLength = 32

/** Format: the magic, the SHA-256 of the rest, and a `DeltaDiscoveryResponse` with the resources of all types. */
export function encodeLastGood(resources: readonly ReceivedResource[]): Buffer {
  const message = create(DeltaDiscoveryResponseSchema, {
    resources: resources.map(({ typeUrl, name, version, bytes }) => {
      return { name, version, resource: create(AnySchema, { typeUrl, value: bytes }) }
    }),
  })
  const body = toBinary(DeltaDiscoveryResponseSchema, message)
  return Buffer.concat([magic, digest(body), body])
}

/** Reads what `encodeLastGood` wrote; the text says why it cannot. */
export function decodeLastGood(bytes: Uint8Array): Result<readonly ReceivedResource[], string> {
  const bodyAt = magic.length + digestLength
  if (bytes.length < bodyAt || !magic.equals(bytes.subarray(0, magic.length)))
    return err('not a file of last good resources')
  const body = bytes.subarray(bodyAt)
  if (!digest(body).equals(bytes.subarray(magic.length, bodyAt)))
    return err('its checksum does not fit: cut off or damaged')
  try {
    const message = fromBinary(DeltaDiscoveryResponseSchema, body)
    return ok(
      message.resources.flatMap(({ name, version, resource }) => {
        return resource === undefined ? [] : [{ typeUrl: resource.typeUrl, name, version, bytes: resource.value }]
      }),
    )
  } catch (cause) {
    return err(`unreadable: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** The file in which a proxy keeps its last good configuration, 0600, replaced as a whole. */
export interface LastGoodFile extends AsyncDisposable {
  /** Empty when there is no usable file; a damaged one is reported and ignored. */
  readonly load: () => Promise<readonly ReceivedResource[]>
  /** Writes soon what `resources` then answers; calls in between are gathered. */
  readonly save: (resources: () => readonly ReceivedResource[]) => void
}

/** Opens the file at `path`; disposing it writes what waits. */
export function createLastGoodFile(path: string, log: (text: string) => void): LastGoodFile {
  let source: (() => readonly ReceivedResource[]) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let writing: Promise<void> = Promise.resolve()

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const resources = source?.()
    source = undefined
    if (resources === undefined) return
    writing = writing
      .then(() => replaceFile(path, encodeLastGood(resources)))
      .catch((cause: unknown) => log(`Last good configuration not written to ${path}: ${String(cause)}`))
  }

  return {
    load: async () => {
      const bytes = await readBounded(path)
      if (bytes === undefined) return []
      const resources = decodeLastGood(bytes)
      if (resources.ok) return resources.value
      log(`${path} is not used: ${resources.error}`)
      return []
    },
    save: (resources) => {
      source = resources
      timer ??= setTimeout(flush, saveDelayMs)
    },
    [Symbol.asyncDispose]: async () => {
      flush()
      await writing
    },
  }
}

async function readBounded(path: string): Promise<Uint8Array | undefined> {
  try {
    if ((await stat(path)).size > maxLastGoodBytes) return undefined
    return await readFile(path)
  } catch {
    // There is none: the first start.
    return undefined
  }
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const next = `${path}.new`
  const file = await open(next, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
