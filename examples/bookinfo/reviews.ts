import { type Application, json, podName } from './application.ts'
import { askPeer, forwardHeaders, peerUrl } from './peer.ts'

const ratingsTimeoutMs = 10_000

const texts = [
  { reviewer: 'Reviewer1', text: 'A storm, an island, and every wrong set right in one afternoon. I read it twice.' },
  {
    reviewer: 'Reviewer2',
    text: 'The spirit does all the work and asks only to be let go. A fine play for a long evening.',
  },
] as const

/** Colour of the stars by version; v1 shows none and does not call ratings. */
const starColor: ReadonlyMap<string, string> = new Map([
  ['v2', 'black'],
  ['v3', 'red'],
])

function starsOf(body: unknown, reviewer: string): number | undefined {
  if (typeof body !== 'object' || body === null || !('ratings' in body)) return undefined
  const table = body.ratings
  if (typeof table !== 'object' || table === null) return undefined
  const stars: unknown = Reflect.get(table, reviewer)
  return typeof stars === 'number' ? stars : undefined
}

async function rate(request: Request, id: string, color: string): Promise<(reviewer: string) => object> {
  const { status, body } = await askPeer(
    `${peerUrl('ratings')}/ratings/${id}`,
    forwardHeaders(request),
    ratingsTimeoutMs,
  )
  return (reviewer) => {
    const stars = status === 200 ? starsOf(body, reviewer) : undefined
    return stars === undefined ? { error: 'Ratings service is currently unavailable' } : { stars, color }
  }
}

/** The reviews service: `/reviews/{id}`; v1 without stars, v2 with black and v3 with red ones (from ratings). */
export function reviews(version: string): Application {
  const color = starColor.get(version)
  return {
    service: 'reviews',
    version,
    routes: {
      '/reviews/:id': async (request, params) => {
        const id = params.get('id') ?? '0'
        if (!/^\d+$/.test(id)) return json({ error: 'please provide numeric product ID' }, 400)
        const rating = color === undefined ? undefined : await rate(request, id, color)
        return json({
          id,
          podname: podName({ service: 'reviews', version }),
          version,
          reviews: texts.map((text) => (rating === undefined ? text : { ...text, rating: rating(text.reviewer) })),
        })
      },
    },
  }
}
