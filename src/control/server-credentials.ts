import type { Clock } from '../base/index.ts'
import type { CertificateAuthority, ServerCertificate } from '../ca/index.ts'

/** How often the certificate's age is looked at; often enough for a machine that wakes from sleep. */
const checkIntervalMs = 60_000

/** A renewal that failed is tried again after this. */
const retryMs = 60_000

/**
 * The control plane's own certificate for REST and ADS, renewed at half of its life. The key is new each time and only
 * ever in memory.
 */
export class ServerCredentials implements Disposable {
  readonly #issue: () => Promise<ServerCertificate>
  readonly #clock: Clock
  readonly #log: (line: string) => void
  readonly #onRenewed: ((certificate: ServerCertificate) => void)[] = []
  readonly #timer: ReturnType<typeof setInterval>
  #current: ServerCertificate
  #renewAt: number

  constructor(
    issue: () => Promise<ServerCertificate>,
    first: ServerCertificate,
    clock: Clock,
    log: (line: string) => void,
  ) {
    this.#issue = issue
    this.#clock = clock
    this.#log = log
    this.#current = first
    this.#renewAt = this.#halfLife()
    this.#timer = setInterval(() => void this.renewIfDue(), checkIntervalMs)
  }

  /** Issues the first certificate for `hosts` and begins to look after it. */
  static async create(options: {
    readonly authority: CertificateAuthority
    readonly spiffeId: string
    readonly hosts: readonly string[]
    readonly clock: Clock
    readonly log: (line: string) => void
  }): Promise<ServerCredentials> {
    const { authority, spiffeId, hosts, clock, log } = options
    const issue = (): Promise<ServerCertificate> => authority.issueServer(spiffeId, hosts)
    return new ServerCredentials(issue, await issue(), clock, log)
  }

  /** The certificate to use for new connections. */
  get current(): ServerCertificate {
    return this.#current
  }

  /** Calls `listener` with each certificate that replaces another. */
  onRenewed(listener: (certificate: ServerCertificate) => void): void {
    this.#onRenewed.push(listener)
  }

  /** Renews when half of the life is over; a failure is logged and tried again. Runs by itself every minute. */
  async renewIfDue(): Promise<void> {
    if (this.#clock.now() < this.#renewAt) return
    this.#renewAt = this.#clock.now() + retryMs
    try {
      this.#current = await this.#issue()
      this.#renewAt = this.#halfLife()
      for (const listener of this.#onRenewed) listener(this.#current)
    } catch (cause) {
      this.#log(`The control plane's certificate could not be renewed: ${String(cause)}`)
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #halfLife(): number {
    return this.#clock.now() + (this.#current.notAfter - this.#clock.now()) / 2
  }
}
