import type { Clock } from '../../base/index.ts'
import type { IdentityFiles } from './identity-files.ts'
import { parseWorkloadCertificate, type WorkloadCertificate } from './workload-certificate.ts'

/** What a followed identity is made of. */
export interface FollowedIdentityOptions {
  readonly spiffeId: string
  /** Written by the process that renews. */
  readonly files: IdentityFiles
  /** Called with the first certificate and with each new one. */
  readonly onCertificate: (certificate: WorkloadCertificate) => void
  readonly log: (text: string) => void
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Pause between two looks, 2 s by default. */
  readonly pollMs?: number
}

/**
 * The identity that another process of the same proxy renews: asks nobody for anything, and takes each certificate that lies in the files and
 * is valid. Resolves with the first one; disposing it stops the looks.
 */
export async function followIdentity(options: FollowedIdentityOptions): Promise<AsyncDisposable> {
  const { files, spiffeId, clock, log, onCertificate, signal, pollMs = 2_000 } = options
  let current: string | undefined
  /** Answers whether there is a certificate. */
  const look = async (): Promise<boolean> => {
    for (const candidate of await files.load()) {
      const parsed = parseWorkloadCertificate(candidate, spiffeId, clock.now())
      // While the other process replaces the files, key and certificate may not fit: the next look finds them whole.
      if (!parsed.ok) continue
      if (parsed.value.serialNumber === current) return true
      current = parsed.value.serialNumber
      onCertificate(parsed.value)
      return true
    }
    return current !== undefined
  }
  const stop = new AbortController()
  const over = AbortSignal.any([signal, stop.signal])
  let isThere = await look()
  if (!isThere) log('Waiting for the certificate that another process asks for')
  while (!isThere && !over.aborted) {
    await pause(pollMs, over)
    isThere = await look()
  }
  const following = (async () => {
    while (!over.aborted) {
      await pause(pollMs, over)
      if (!over.aborted) await look()
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
    },
  }
}

/** Ends early when `over` aborts. */
function pause(ms: number, over: AbortSignal): Promise<void> {
  if (over.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = (): void => resolve()
  const timer = setTimeout(end, ms)
  over.addEventListener('abort', end, { once: true })
  return promise.finally(() => {
    clearTimeout(timer)
    over.removeEventListener('abort', end)
  })
}
