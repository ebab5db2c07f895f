/**
 * Classes of characters, which are octets, as tables: one array read for each.
 */

/** 1 for a character of a token (RFC 9110 section 5.6.2). */
const tokens: Uint8Array = tableOf((character) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character))

/** 1 for a character of a token that is no upper-case letter. */
const lowerCaseTokens: Uint8Array = tableOf((character) => /[!#$%&'*+\-.^_`|~0-9a-z]/.test(character))

/** 1 for visible ASCII, space, tab and obs-text; not for controls, CR, LF, NUL and DEL, as in HTTP/1.1. */
const fieldText: Uint8Array = tableOf((character) => /[\t\x20-\x7e\x80-\xff]/.test(character))

/** 1 for visible ASCII without the fragment mark. */
const targetText: Uint8Array = tableOf((character) => /[!-~]/.test(character) && character !== '#')

/** 1 for what an authority without user information may hold (RFC 3986 section 3.2.2). */
const authorityText: Uint8Array = tableOf((character) => /[A-Za-z0-9\-._~!$&'()*+;=:%[\]]/.test(character))

/** True for a token, which is not empty. */
export function isToken(text: string): boolean {
  return text.length > 0 && isOf(tokens, text)
}

/** True for a token without upper-case letters: what RFC 9113 section 8.2.1 leaves of field names. */
export function isLowerCaseToken(text: string): boolean {
  return text.length > 0 && isOf(lowerCaseTokens, text)
}

/** True for what a field value may be, without blanks around it (RFC 9113 section 8.2.1). */
export function isFieldValue(text: string): boolean {
  const { length } = text
  if (length === 0) return true
  return !isBlank(text.charCodeAt(0)) && !isBlank(text.charCodeAt(length - 1)) && isOf(fieldText, text)
}

/** True for what may stand in a path with its query; the first character is not looked at. */
export function isTargetText(text: string): boolean {
  return isOf(targetText, text)
}

/** True for a non-empty authority without user information. */
export function isAuthority(text: string): boolean {
  return text.length > 0 && isOf(authorityText, text)
}

function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09
}

function isOf(table: Uint8Array, text: string): boolean {
  // A character that is no octet reads as undefined.
  for (let index = 0; index < text.length; index += 1) if (table[text.charCodeAt(index)] !== 1) return false
  return true
}

function tableOf(holds: (character: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (holds(String.fromCharCode(octet)) ? 1 : 0))
}
