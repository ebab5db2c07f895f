import { type Clock, MeshError } from '../../base/index.ts'
import type { IssuedCertificate } from './enrol.ts'
import type { IdentityFiles } from './identity-files.ts'
import { renewalTime, retryPause } from './renewal-time.ts'
import { createSigningRequest } from './signing-request.ts'
import { parseWorkloadCertificate, type WorkloadCertificate } from './workload-certificate.ts'

/** What an identity is made of. */
export interface WorkloadIdentityOptions {
  readonly spiffeId: string
  readonly files: IdentityFiles
  /** Asks for the first certificate; absent: there must be a valid one on disk. */
  readonly enrol: ((csr: string, signal: AbortSignal) => Promise<IssuedCertificate>) | undefined
  /** Asks for the next certificate over the connection that the current one secures. */
  readonly renew: (current: WorkloadCertificate, csr: string) => Promise<IssuedCertificate>
  /** Called with the first certificate and with each new one. */
  readonly onCertificate: (certificate: WorkloadCertificate) => void
  readonly log: (text: string) => void
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly signal: AbortSignal
}

/** The proxy's own identity: always a valid certificate as long as the control plane is seen once in half its life. */
export interface WorkloadIdentity extends AsyncDisposable {
  readonly current: () => WorkloadCertificate
  /** Renews now, not at half life; resolves when it is done, with what failed. */
  readonly renewNow: () => Promise<void>
}

/** `setTimeout` takes no more; longer waits are made of several. */
const maxTimerMs = 2 ** 31 - 1

/**
 * Opens the identity: the certificate on disk when it is still valid, else a first one from the authority (tried until
 * it answers, or until it refuses). Then renews at half life, for ever.
 *
 * @throws {MeshError} WEFT_PROXY_ENROL_REFUSED when the authority refuses; WEFT_PROXY_CERTIFICATE when there is neither a
 *   valid certificate nor a way to get one.
 */
export async function openWorkloadIdentity(options: WorkloadIdentityOptions): Promise<WorkloadIdentity> {
  const stored = await loadStored(options)
  const current = stored ?? (await enrolUntilAnswered(options))
  return new RenewingIdentity(options, current)
}

async function loadStored({
  files,
  spiffeId,
  clock,
  log,
}: WorkloadIdentityOptions): Promise<WorkloadCertificate | undefined> {
  for (const candidate of await files.load()) {
    const parsed = parseWorkloadCertificate(candidate, spiffeId, clock.now())
    if (parsed.ok) return parsed.value
    log(`Certificate on disk not used: ${parsed.error.message}`)
  }
  return undefined
}

async function enrolUntilAnswered(options: WorkloadIdentityOptions): Promise<WorkloadCertificate> {
  const { enrol, signal, log, random } = options
  if (enrol === undefined) {
    throw new MeshError(
      'WEFT_PROXY_CERTIFICATE',
      `No valid certificate for ${options.spiffeId} on disk, and no join token`,
    )
  }
  for (let failures = 1; ; failures += 1) {
    try {
      return await obtain(options, (csr) => enrol(csr, signal))
    } catch (cause) {
      const isFinal = cause instanceof MeshError && cause.code === 'WEFT_PROXY_ENROL_REFUSED'
      if (isFinal || signal.aborted) throw cause
      log(`First certificate: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
    await pause(retryPause(failures, random()), signal)
  }
}

/** Makes a key, has it signed, checks the answer and keeps it. */
async function obtain(
  { spiffeId, files, clock }: WorkloadIdentityOptions,
  ask: (csr: string) => Promise<IssuedCertificate>,
): Promise<WorkloadCertificate> {
  const { privateKey, csr } = await createSigningRequest(spiffeId)
  const issued = await ask(csr)
  const parsed = parseWorkloadCertificate({ privateKey, ...issued }, spiffeId, clock.now())
  if (!parsed.ok) throw parsed.error
  await files.save(parsed.value)
  return parsed.value
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, durationMs)
    signal.addEventListener('abort', stop, { once: true })
  })
}

class RenewingIdentity implements WorkloadIdentity {
  readonly #options: WorkloadIdentityOptions
  #current: WorkloadCertificate
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<void> | undefined
  #failures = 0
  #disposed = false

  constructor(options: WorkloadIdentityOptions, current: WorkloadCertificate) {
    this.#options = options
    this.#current = current
    options.onCertificate(current)
    this.#schedule(renewalTime(current, options.random()))
  }

  current(): WorkloadCertificate {
    return this.#current
  }

  /** Renewals never overlap: a second call waits for the one that runs. */
  renewNow(): Promise<void> {
    this.#running ??= this.#renew().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(at: number): void {
    clearTimeout(this.#timer)
    if (this.#disposed) return
    // The wall clock is looked at again after each wait, so that a clock that was set or a suspended machine is noticed.
    const wait = Math.max(0, at - this.#options.clock.now())
    this.#timer = setTimeout(
      () => {
        if (this.#options.clock.now() < at) this.#schedule(at)
        else void this.renewNow()
      },
      Math.min(wait, maxTimerMs, 60 * 60_000),
    )
  }

  async #renew(): Promise<void> {
    const { renew, onCertificate, log, random, clock } = this.#options
    try {
      const next = await obtain(this.#options, (csr) => renew(this.#current, csr))
      if (this.#disposed) return
      this.#failures = 0
      this.#current = next
      onCertificate(next)
      this.#schedule(renewalTime(next, random()))
    } catch (cause) {
      this.#failures += 1
      const left = Math.round((this.#current.notAfter - clock.now()) / 60_000)
      log(`Certificate not renewed (${left} min left): ${cause instanceof Error ? cause.message : String(cause)}`)
      this.#schedule(clock.now() + retryPause(this.#failures, random()))
    }
  }
}
