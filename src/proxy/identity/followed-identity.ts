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
  const look = async (): Promise<void> => {
    for (const candidate of await files.load()) {
      const parsed = parseWorkloadCertificate(candidate, spiffeId, clock.now())
      // While the other process replaces the files, key and certificate may not fit: the next look finds them whole.
      if (!parsed.ok) continue
      if (parsed.value.serialNumber === current) return
      current = parsed.value.serialNumber
      onCertificate(parsed.value)
      return
    }
  }
  await look()
  if (current === undefined) log('Waiting for the certificate that another process asks for')
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => end(), { once: true })
  const pause = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, pollMs)
    return Promise.race([promise, ended]).finally(() => clearTimeout(timer))
  }
  let isOver = signal.aborted
  void ended.then(() => {
    isOver = true
  })
  while (current === undefined && !isOver) {
    await pause()
    await look()
  }
  const following = (async () => {
    while (!isOver) {
      await pause()
      if (!isOver) await look()
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      end()
      await following
    },
  }
}
