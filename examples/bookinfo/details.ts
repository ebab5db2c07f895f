import { type Application, json } from './application.ts'

const book = {
  author: 'William Shakespeare',
  year: 1611,
  type: 'paperback',
  pages: 96,
  publisher: 'Weft Press',
  language: 'English',
  'ISBN-10': '0000000191',
  'ISBN-13': '978-0000000194',
}

/** The details service: `/details/{id}` tells about a book. */
export function details(version: string): Application {
  return {
    service: 'details',
    version,
    routes: {
      '/details/:id': (_request, params) => {
        const id = Number(params.get('id'))
        if (!Number.isInteger(id)) return json({ error: 'please provide numeric product ID' }, 400)
        return json({ id, ...book })
      },
    },
  }
}
