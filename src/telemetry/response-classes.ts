import type { Telemetry } from './contract.ts'

/**
 * Makes a counter of answers by the hundred of their status, in Envoy's form: `<name>{envoy_response_code_class="2",...}`. A class is
 * exported from its first answer on; a status outside 100 to 599 (0: the client got none) is not counted.
 */
export function createResponseClasses(
  telemetry: Telemetry,
  name: string,
  labels: Readonly<Record<string, string>>,
): (status: number) => void {
  const counters: ({ value: number } | undefined)[] = [undefined, undefined, undefined, undefined, undefined, undefined]
  return (status) => {
    const hundred = Math.floor(status / 100)
    if (hundred < 1 || hundred > 5) return
    let counter = counters[hundred]
    if (counter === undefined) {
      counter = telemetry.counter(name, { envoy_response_code_class: String(hundred), ...labels })
      counters[hundred] = counter
    }
    counter.value += 1
  }
}
