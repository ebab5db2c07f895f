import type { FrameWriter } from '../frames/frame-writer.ts'
import type { SessionLimits } from '../limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** WINDOW_UPDATE frames that are allowed before there is any stream. */
const firstWindowUpdates = 5

/**
 * Counts what a peer can send at little cost to itself (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671). Each method notes one
 * event; `exceeded` then names the counter of the first budget that was passed.
 */
export class FloodGuard {
  /** Empty as long as every budget holds. */
  exceeded = ''
  /** Streams that were opened, by either side. */
  openedStreams = 0
  /** DATA frames that we sent. */
  dataFramesSent = 0
  readonly #limits: SessionLimits
  readonly #resets: TokenBucket
  readonly #settings: TokenBucket
  readonly #glitches: TokenBucket
  #priorityFrames = 0
  #windowUpdateFrames = 0
  #emptyFrames = 0
  /** DATA frames since everything was consumed, and their octets. */
  #dataFrames = 0
  #dataBytes = 0

  constructor(limits: SessionLimits, now: () => number) {
    this.#limits = limits
    this.#resets = new TokenBucket(limits.resetBurst, limits.resetsPerSecond, now)
    this.#settings = new TokenBucket(limits.settingsBurst, limits.settingsPerSecond, now)
    this.#glitches = new TokenBucket(limits.glitchBurst, limits.glitchesPerSecond, now)
  }

  /** What waits to be sent. */
  output(writer: FrameWriter): void {
    if (writer.controlFrames > this.#limits.outboundControlFrames) this.#exceed('outbound_control_flood')
    else if (writer.frames > this.#limits.outboundFrames || writer.length > this.#limits.outputOverflowBytes) {
      this.#exceed('outbound_flood')
    }
  }

  /** DATA or HEADERS, and whether it holds nothing and ends nothing. */
  payload(empty: boolean): void {
    if (!empty) {
      this.#emptyFrames = 0
      return
    }
    this.#emptyFrames += 1
    if (this.#emptyFrames > this.#limits.emptyFrames) this.#exceed('inbound_empty_frames_flood')
  }

  /** A DATA frame that the owner of a stream gets. */
  data(octets: number): void {
    this.#dataFrames += 1
    this.#dataBytes += octets
    const { smallDataFrames, smallDataBytes } = this.#limits
    if (this.#dataFrames > smallDataFrames && this.#dataBytes < this.#dataFrames * smallDataBytes) {
      this.#exceed('inbound_small_data_frames_flood')
    }
  }

  /** All octets of DATA were consumed. */
  consumedAll(): void {
    this.#dataFrames = 0
    this.#dataBytes = 0
  }

  priority(): void {
    this.#priorityFrames += 1
    if (this.#priorityFrames > this.#limits.priorityFramesPerStream * (1 + this.openedStreams)) {
      this.#exceed('inbound_priority_frames_flood')
    }
  }

  windowUpdate(): void {
    this.#windowUpdateFrames += 1
    const perData = this.#limits.windowUpdateFramesPerData * this.dataFramesSent
    if (this.#windowUpdateFrames > firstWindowUpdates + 2 * (this.openedStreams + perData)) {
      this.#exceed('inbound_window_update_frames_flood')
    }
  }

  settings(): void {
    if (!this.#settings.take()) this.#exceed('inbound_settings_flood')
  }

  /** The peer gave up a stream before its answer was complete. */
  resetReceived(): void {
    if (!this.#resets.take()) this.#exceed('rx_reset')
  }

  /** The peer made us give up a stream. */
  resetCaused(): void {
    if (!this.#resets.take()) this.#exceed('tx_reset')
  }

  /** A stream ended as it should: work that was of use earns the right to give some up. */
  streamCompleted(): void {
    this.#resets.give(this.#limits.resetsPerCompleted)
  }

  /** Something that no sound peer does often. */
  glitch(): void {
    if (!this.#glitches.take()) this.#exceed('inbound_glitches_flood')
  }

  #exceed(counter: string): void {
    if (this.exceeded === '') this.exceeded = counter
  }
}
