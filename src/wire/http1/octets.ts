/**
 * Octet classes of RFC 9110 as tables: one array read per byte instead of comparisons.
 */

/** The lower-case octet of a token character (RFC 9110 section 5.6.2), 0 for every other octet. */
export const tokenOctets: Uint8Array = tableOf((octet) => {
  if (octet >= 0x41 && octet <= 0x5a) return octet + 0x20
  return /[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(octet)) ? octet : 0
})

/** 1 for what a field value may hold: visible ASCII, space, tab and obs-text; 0 for controls, CR, LF, NUL and DEL. */
export const valueOctets: Uint8Array = tableOf((octet) => (octet === 9 || (octet >= 0x20 && octet !== 0x7f) ? 1 : 0))

/** 1 for what a request target may hold: visible ASCII without the fragment mark. */
export const targetOctets: Uint8Array = tableOf((octet) => (octet > 0x20 && octet < 0x7f && octet !== 0x23 ? 1 : 0))

/** 1 for what is not in its canonical form in a path: escapes, backslashes, and what ought to be escaped. */
export const oddPathOctets: Uint8Array = tableOf((octet) =>
  '%\\"<>^`{|}'.includes(String.fromCharCode(octet)) ? 1 : 0,
)

/** 1 for what an authority without user information may hold (RFC 3986 section 3.2.2), IPv6 literals included. */
export const authorityOctets: Uint8Array = tableOf((octet) =>
  /[A-Za-z0-9\-._~!$&'()*+;=:%[\]]/.test(String.fromCharCode(octet)) ? 1 : 0,
)

/** Value of a hexadecimal digit plus one, 0 for every other octet. */
export const hexOctets: Uint8Array = tableOf((octet) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(octet).toLowerCase())
  return digit < 0 || octet > 0x7f ? 0 : digit + 1
})

function tableOf(value: (octet: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => value(octet))
}
