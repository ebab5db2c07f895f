/** Resolves with the first of the signals that this process gets; until then they do not end it. */
export function untilSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  const handlers = signals.map((signal) => {
    const handler = () => resolve(signal)
    process.on(signal, handler)
    return { signal, handler }
  })
  return promise.finally(() => {
    for (const { signal, handler } of handlers) process.off(signal, handler)
  })
}
