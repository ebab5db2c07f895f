import { type Application, json } from './application.ts'

/** The ratings service: `/ratings/{id}` gives the stars of each reviewer. */
export function ratings(version: string): Application {
  return {
    service: 'ratings',
    version,
    routes: {
      '/ratings/:id': (_request, params) => {
        const id = Number(params.get('id'))
        if (!Number.isInteger(id)) return json({ error: 'please provide numeric product ID' }, 400)
        return json({ id, ratings: { Reviewer1: 5, Reviewer2: 4 } })
      },
    },
  }
}
