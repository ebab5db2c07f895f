/**
 * Waits for a condition by polling.
 *
 * @throws {Error} If it does not hold within `timeoutMs` (5 s by default); the text names `what`.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 5000,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`)
    await Bun.sleep(5)
  }
}
