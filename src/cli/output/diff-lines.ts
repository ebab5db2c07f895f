/** Lines around a change that are shown with it. */
const contextLines = 3

function split(text: string): readonly string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

/** Lengths of the longest common subsequence of every pair of tails; quadratic, fine for objects of at most 1 MiB cut by common ends. */
function tailLengths(before: readonly string[], after: readonly string[]): readonly Uint32Array[] {
  const table = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1))
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const row = table[i] ?? new Uint32Array()
    const below = table[i + 1] ?? new Uint32Array()
    for (let j = after.length - 1; j >= 0; j -= 1)
      row[j] = before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0)
  }
  return table
}

/** Above this product of changed lines the middle is shown as all removed, all added. */
const productLimit = 4_000_000

function middle(before: readonly string[], after: readonly string[]): readonly string[] {
  if (before.length * after.length > productLimit)
    return [...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`)]
  const table = tailLengths(before, after)
  const lines: string[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push(` ${before[i]}`)
      i += 1
      j += 1
    } else if (i < before.length && (j >= after.length || (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      lines.push(`-${before[i]}`)
      i += 1
    } else {
      lines.push(`+${after[j]}`)
      j += 1
    }
  }
  return lines
}

function withContext(lines: readonly string[]): readonly string[] {
  const near = new Set<number>()
  for (const [index, line] of lines.entries()) {
    if (line.startsWith(' ')) continue
    for (let at = index - contextLines; at <= index + contextLines; at += 1) near.add(at)
  }
  return lines.flatMap((line, index) => {
    if (near.has(index)) return [line]
    return near.has(index - 1) && lines.slice(index).some((_, offset) => near.has(index + offset)) ? ['...'] : []
  })
}

/** The difference of two texts: lines that begin with `-`, `+` or a space, with three lines around each change. Equal texts give nothing. */
export function diffLines(before: string, after: string): readonly string[] {
  const left = split(before)
  const right = split(after)
  let head = 0
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1
  let tail = 0
  while (
    tail < left.length - head &&
    tail < right.length - head &&
    left[left.length - 1 - tail] === right[right.length - 1 - tail]
  )
    tail += 1
  if (head === left.length && head === right.length) return []
  return withContext([
    ...left.slice(0, head).map((line) => ` ${line}`),
    ...middle(left.slice(head, left.length - tail), right.slice(head, right.length - tail)),
    ...left.slice(left.length - tail).map((line) => ` ${line}`),
  ])
}
