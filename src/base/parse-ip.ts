/** An IP address as a number; undefined when the text is none. */
export function parseIp(text: string): { readonly value: bigint; readonly family: 4 | 6 } | undefined {
  const four = parseIpv4(text)
  if (four !== undefined) return { value: four, family: 4 }
  if (!text.includes(':')) return undefined
  const [head = '', tail, ...rest] = text.split('::')
  if (rest.length > 0) return undefined
  const left = groupsOf(head, tail === undefined)
  const right = groupsOf(tail ?? '', true)
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  let value = 0n
  for (const group of [...left, ...Array.from({ length: missing }, () => 0), ...right])
    value = (value << 16n) | BigInt(group)
  return { value, family: 6 }
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    // No zeros in front: others read such a part as octal.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

/** 16-bit groups of one side of `::`; the last of the address may be a dotted IPv4 address (RFC 4291 section 2.2). */
function groupsOf(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const four = endsAddress && index === parts.length - 1 ? parseIpv4(part) : undefined
    if (four !== undefined) groups.push(Number(four >> 16n), Number(four & 0xffffn))
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}
