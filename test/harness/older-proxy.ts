/**
 * Loaded before everything else (`bun --preload`), makes a proxy of an imagined older version, which takes shorter regular
 * expressions only. What `weft apply` lets pass every proxy of its own version takes; a mesh in the middle of an upgrade has
 * others too.
 */
import { plugin } from 'bun'

const limit = /export const maxPatternLength = \d+/

plugin({
  name: 'older-proxy',
  setup(build) {
    build.onLoad({ filter: /\/route\/regular-expression\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text()
      if (!limit.test(text)) throw new Error(`Expected maxPatternLength in ${path}`)
      return { contents: text.replace(limit, 'export const maxPatternLength = 20'), loader: 'ts' }
    })
  },
})
