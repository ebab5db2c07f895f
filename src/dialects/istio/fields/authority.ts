import { describeValue } from '../../../resources/index.ts'
import { filledText, type Place, type Reader, text, transform } from '../../../resources/schema/index.ts'

/** Reads what stands in a `Host` header: visible ASCII, nothing that could end the line or the authority of a URL. */
export const authority: Reader<string> = transform(filledText, (value, place) =>
  /^[!-~]+$/.test(value) && !/[/?#@\\]/.test(value)
    ? value
    : refuse(value, place, 'a host name, with a port or without'),
)

/** Reads a path, or a part of one, that is written into requests or into the `Location` of redirects. */
export const pathText: Reader<string> = transform(filledText, visible)

/** Like `pathText`, may be empty. */
export const pathTextOrEmpty: Reader<string> = transform(text, visible)

function visible(value: string, place: Place): string | undefined {
  return /^[!-~]*$/.test(value) ? value : refuse(value, place, 'visible ASCII characters only, others as %XX')
}

function refuse(value: string, place: Place, expected: string): undefined {
  return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: describeValue(value) })
}
