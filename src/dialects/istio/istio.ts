import type { Dialect } from '../contract.ts'

/** Istio's networking kinds. */
export const istio: Dialect = {
  name: 'istio',
  kinds: [],
  validate: () => [],
  translate: () => ({}),
}
