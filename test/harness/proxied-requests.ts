/** One answer that a client got through its proxy. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** Milliseconds from sending to the whole body. */
  readonly tookMs: number
}

/** A request as an application behind `http_proxy` makes it. */
export interface ProxiedRequest {
  /** Port of the proxy's `http_proxy` listener. */
  readonly proxyPort: number
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends one request through a proxy. A connection that breaks counts as status 0. */
export async function send({ proxyPort, url, headers }: ProxiedRequest): Promise<Answer> {
  const start = performance.now()
  try {
    const response = await fetch(url, { proxy: `http://127.0.0.1:${proxyPort}`, headers: { ...headers } })
    const body = await response.text()
    return { status: response.status, body, tookMs: performance.now() - start }
  } catch (error) {
    return { status: 0, body: String(error), tookMs: performance.now() - start }
  }
}

/** Sends `count` equal requests, 16 at a time. */
export async function sendMany(request: ProxiedRequest, count: number): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  let left = count
  async function worker(): Promise<void> {
    while (left > 0) {
      left -= 1
      answers.push(await send(request))
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return answers
}

/** Share of each text that `keyOf` gives, in percent. */
export function shares(answers: readonly Answer[], keyOf: (answer: Answer) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(keyOf(answer), (counts.get(keyOf(answer)) ?? 0) + 1)
  return new Map([...counts].map(([key, count]) => [key, (100 * count) / answers.length]))
}
