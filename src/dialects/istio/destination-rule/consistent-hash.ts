import { integer, pattern, type Reader } from '../../../resources/schema/index.ts'

/** Name of a cookie (RFC 6265 section 4.1.1). */
export const cookieName: Reader<string> = pattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'the name of a cookie', 256)

/** `Path` of a cookie: nothing that could end the attribute or the line. */
export const cookiePath: Reader<string> = pattern(/^[\u0020-\u003a\u003c-\u007e]*$/, 'a path without ;', 1024)

/** A prime number, or 0, which is the same as none in Istio. */
export function prime(maximum: number): Reader<number> {
  const read = integer(0, maximum)
  return (value, place) => {
    const number = read(value, place)
    if (number === undefined || isPrime(number)) return number
    return place.report({ code: 'WEFT_FIELD_VALUE', expected: 'a prime number', got: String(number) })
  }
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false
  return value !== 1
}
