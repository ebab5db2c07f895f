/**
 * The pages of the program itself that a process has mapped in. Bun is a program of 90 MB; starting it and reading a
 * configuration touches many pages that serving never needs again, and they count as resident until somebody says so.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { dlopen, FFIType } from 'bun:ffi'

/** Where code of the program is mapped. */
export interface CodeRange {
  readonly start: bigint
  readonly length: bigint
}

/** Linux `MADV_DONTNEED`. */
const dontNeed = 4

/**
 * Reads where the code of a program is mapped (`r-xp`) from the text of `/proc/self/smaps`. A mapping of which a page was written
 * (`Anonymous`) is left out: that page would be lost. What is writable, or read-only data (relocations were written there before it became
 * read-only), is never taken.
 */
export function parseCodeRanges(smaps: string, program: string): readonly CodeRange[] {
  const ranges: CodeRange[] = []
  let range: CodeRange | undefined
  for (const line of smaps.split('\n')) {
    const head = /^([\da-f]+)-([\da-f]+) (\S{4}) \S+ \S+ \S+ +(.*)$/.exec(line)
    if (head !== null) {
      const [, start = '0', end = '0', access, path] = head
      const begin = BigInt(`0x${start}`)
      range = access === 'r-xp' && path === program ? { start: begin, length: BigInt(`0x${end}`) - begin } : undefined
    } else if (range !== undefined && /^Anonymous: +0 kB$/.test(line)) ranges.push(range)
  }
  return ranges
}

/**
 * Makes a function that lets the kernel take the program's code out of this process, and answers whether it could. Nothing is lost: the file has
 * it, mostly the page cache too, and what is executed next comes back page by page (some microseconds for each 64 KiB). Other processes of
 * the same program are not touched. It does nothing where there is no Linux `/proc` or no glibc.
 */
export function createCodePagesRelease(): () => boolean {
  let release: (() => boolean) | undefined
  return () => {
    release ??= openRelease()
    return release()
  }
}

function openRelease(): () => boolean {
  if (process.platform !== 'linux') return () => false
  try {
    // `process.execPath` may be a link; the kernel names the file itself.
    const ranges = parseCodeRanges(readFileSync('/proc/self/smaps', 'utf8'), readlinkSync('/proc/self/exe'))
    const { symbols } = dlopen('libc.so.6', {
      madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    })
    return () =>
      ranges.length > 0 && ranges.every(({ start, length }) => symbols.madvise(start, length, dontNeed) === 0)
  } catch {
    return () => false // Another libc, or no /proc: the pages stay, which costs memory only.
  }
}
