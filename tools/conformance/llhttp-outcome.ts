/** What a parser makes of a stream of octets, in terms that llhttp and Weft share. */
export interface Outcome {
  /** Those whose head was taken. */
  readonly messages: readonly Message[]
  /**
   * How it stands behind the last octet: `more` octets are waited for, the stream is `refused`, the rest is a `tunnel`, there is
   * `data behind the last message`, or what the end of the stream means: `finish=0` nothing, `finish=1` it ends the message,
   * `finish=2` a message is cut off.
   */
  readonly state: string
  /** Of a refusal, in the parser's words. */
  readonly reason: string
}

/** One message. Octets are Latin-1 characters. */
export interface Message {
  /** Offset of its first octet. */
  readonly begin: number
  readonly startLine: string
  /** `name: value`, without blanks around the value. */
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** Offset behind its last octet; undefined when it is not whole. */
  readonly end: number | undefined
}

/** What differs between two outcomes, in words; empty when nothing does. The words of a refusal are each parser's own. */
export function differencesOf(expected: Outcome, actual: Outcome): string[] {
  const differences: string[] = []
  const count = Math.max(expected.messages.length, actual.messages.length)
  // A refusal is a refusal, whether a parser comes to it before or behind the head.
  const refusedAt = (outcome: Outcome): number => (outcome.state === 'refused' ? openMessage(outcome) : -1)
  const bothRefuse = refusedAt(expected) >= 0 && refusedAt(expected) === refusedAt(actual)
  for (let index = 0; index < count; index += 1) {
    if (bothRefuse && index === refusedAt(expected)) continue
    const want = expected.messages[index]
    const got = actual.messages[index]
    if (want === undefined || got === undefined)
      differences.push(got === undefined ? 'a message less' : 'a message more')
    else differences.push(...differencesOfMessage(want, got))
  }
  if (expected.state !== actual.state) differences.push(`${actual.state} instead of ${expected.state}`)
  return differences
}

/** Number of the message that is not whole: the one that a refusal hits. */
function openMessage({ messages }: Outcome): number {
  const open = messages.findIndex(({ end }) => end === undefined)
  return open < 0 ? messages.length : open
}

function differencesOfMessage(want: Message, got: Message): string[] {
  const names = ['begin', 'startLine', 'fields', 'body', 'trailers', 'end'] as const
  return names
    .filter((name) => quoted(want[name]) !== quoted(got[name]))
    .map((name) => `${name} ${quoted(got[name])} instead of ${quoted(want[name])}`)
}

/** A value as JSON; for messages to people. */
export function quoted(value: unknown): string {
  return JSON.stringify(value) ?? 'none'
}
