import { expect, test } from 'bun:test'
import { createCodePagesRelease, parseCodeRanges } from './executable-pages.ts'

const mapping = (head: string, anonymousKb: number): string =>
  `${head}\nSize:               4096 kB\nRss:                 100 kB\nAnonymous:         ${String(anonymousKb).padStart(6)} kB\nVmFlags: rd ex mr mw me\n`

test('parseCodeRanges() takes the code of the program and nothing else', () => {
  const smaps = [
    mapping('00200000-00400000 r--p 00000000 fe:00 42                                 /opt/weft', 0),
    mapping('00400000-00a00000 r-xp 00200000 fe:00 42                                 /opt/weft', 0),
    mapping('00a00000-00b00000 r--p 00800000 fe:00 42                                 /opt/weft', 60),
    mapping('00b00000-00c00000 rw-p 00900000 fe:00 42                                 /opt/weft', 40),
    mapping('7f0000000000-7f0000010000 r-xp 00000000 fe:00 7                           /lib/libc.so.6', 0),
    mapping('7f0000020000-7f0000030000 rwxp 00000000 00:00 0 ', 64),
  ].join('')
  expect(parseCodeRanges(smaps, '/opt/weft')).toEqual([{ start: 0x400000n, length: 0x600000n }])
})

test('parseCodeRanges() leaves code alone of which a page was written', () => {
  const smaps = mapping('00400000-00a00000 r-xp 00200000 fe:00 42  /opt/weft', 4)
  expect(parseCodeRanges(smaps, '/opt/weft')).toEqual([])
})

test.skipIf(process.platform !== 'linux')(
  'createCodePagesRelease() gives back megabytes, and everything works on',
  async () => {
    const fileBytes = async (): Promise<number> => {
      const status = await Bun.file('/proc/self/status').text()
      return Number(/RssFile:\s+(\d+)/.exec(status)?.[1]) * 1024
    }
    const release = createCodePagesRelease()
    const before = await fileBytes()
    expect(release()).toBe(true)
    expect(await fileBytes()).toBeLessThan(before - 4 * 1024 * 1024)
    // Code that was just taken away is needed again: sockets, an HTTP client and server, compression, hashes.
    const server = Bun.serve({ port: 0, fetch: () => new Response(Bun.gzipSync(Buffer.from('x'.repeat(1000)))) })
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await (await fetch(server.url)).arrayBuffer()
      expect(Bun.gunzipSync(new Uint8Array(answer)).length).toBe(1000)
      expect(new Bun.CryptoHasher('sha256').update('weft').digest('hex')).toStartWith('e627e223')
      expect(release()).toBe(true)
    }
    await server.stop(true)
  },
)
