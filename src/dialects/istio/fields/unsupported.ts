import { describeValue } from '../../../resources/index.ts'
import { type Place, refused } from '../../../resources/schema/index.ts'

/** A field of Istio's that is known and that the mesh does not do yet. Its use is an error, so that nothing is silently lost. */
export const unsupported = refused((_, place) => reportUnsupported(place))

/** Like `unsupported`, except for values that ask for what happens anyway. */
export function unsupportedUnless(...harmless: readonly unknown[]): typeof unsupported {
  return refused((value, place) => {
    if (!harmless.includes(value)) reportUnsupported(place, describeValue(value))
  })
}

/** Reports a field, or one value of it, as not yet supported. */
export function reportUnsupported(place: Place, value?: string): undefined {
  const field = place.path.findLast((step) => typeof step === 'string') ?? ''
  return place.report({
    code: 'WEFT_ISTIO_UNSUPPORTED',
    message: value === undefined ? `${field} is not yet supported` : `${field} ${value} is not yet supported`,
    remedy: `Remove ${field}`,
    pointAt: 'key',
  })
}
