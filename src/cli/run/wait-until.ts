/** How often a condition outside this process is looked at again. */
const pollMs = 50

/** Pauses; ends early, without an error, when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal?.aborted === true) return Promise.resolve()
  const timer = setTimeout(resolve, ms)
  signal?.addEventListener('abort', () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}

/** Asks `condition` again and again until it holds; false when the time is over or `signal` aborted first. */
export async function waitUntil(
  condition: () => Promise<boolean>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs
  while (options.signal?.aborted !== true) {
    if (await condition()) return true
    if (performance.now() >= deadline) return false
    await pause(pollMs, options.signal)
  }
  return false
}
