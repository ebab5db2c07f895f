import type { PeerAnswer } from './peer.ts'

/** What the product page shows. */
export interface PageContent {
  readonly title: string
  readonly description: string
  readonly user: string | undefined
  readonly details: PeerAnswer
  readonly reviews: PeerAnswer
  /** Who made the page. */
  readonly pod: string
}

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1c2430, #e6e9ef); --dim: light-dark(#667085, #98a2b3); --line: light-dark(#e4e7ec, #2b3240);
  --card: light-dark(#ffffff, #171c26); --ground: light-dark(#f5f6f8, #0e1218); --accent: #3f6fd8; }
* { box-sizing: border-box } body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground) }
header { display: flex; gap: 1rem; align-items: center; padding: .9rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line) }
header b { font-size: 1.05rem } header form { margin-left: auto; display: flex; gap: .5rem; align-items: center }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; display: grid; gap: 1.5rem; grid-template-columns: 1fr 1.4fr }
main > .wide { grid-column: 1 / -1 } @media (max-width: 46rem) { main { grid-template-columns: 1fr } }
h1 { margin: 0 0 .5rem; font-size: 2rem } h2 { margin: 0 0 .8rem; font-size: 1.1rem } p { margin: 0 }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.4rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 0 } dt { color: var(--dim) } dd { margin: 0 }
blockquote { margin: 0 0 1.1rem; padding-left: 1rem; border-left: 3px solid var(--accent) } footer, .dim { color: var(--dim); font-size: .88rem }
.stars { letter-spacing: .12em; font-size: 1.15rem } .stars.black { color: var(--ink) } .stars.red { color: #d83f4f }
.badge { font: 600 .78rem ui-monospace, monospace; padding: .15rem .5rem; border-radius: 99px; background: var(--accent); color: #fff }
.fault { color: #d83f4f } input, button { font: inherit; padding: .3rem .6rem; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); color: inherit }
`

/** Text made safe inside HTML and quoted attributes. */
export function escapeHtml(text: string): string {
  return Bun.escapeHTML(text)
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? escapeHtml(String(value)) : ''
}

function detailsSection(answer: PeerAnswer): string {
  if (answer.status !== 200 || typeof answer.body !== 'object' || answer.body === null)
    return `<p class="fault">Details are unavailable (${answer.status})</p>`
  const rows = Object.entries(answer.body)
    .filter(([name]) => name !== 'id')
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${textOf(value)}</dd>`)
  return `<dl>${rows.join('')}</dl>`
}

function starsLine(rating: unknown): string {
  if (rating === undefined) return ''
  const stars = field(rating, 'stars')
  if (typeof stars !== 'number') return `<div class="fault">${textOf(field(rating, 'error'))}</div>`
  const color = field(rating, 'color') === 'red' ? 'red' : 'black'
  return `<div class="stars ${color}" title="${stars} of 5">${'★'.repeat(stars)}${'☆'.repeat(Math.max(0, 5 - stars))}</div>`
}

function reviewsSection(answer: PeerAnswer): string {
  const list = field(answer.body, 'reviews')
  if (answer.status !== 200 || !Array.isArray(list))
    return `<p class="fault">Reviews are unavailable (${answer.status})</p>`
  const quotes = list.map(
    (review: unknown) =>
      `<blockquote><p>${textOf(field(review, 'text'))}</p>${starsLine(field(review, 'rating'))}<div class="dim">${textOf(field(review, 'reviewer'))}</div></blockquote>`,
  )
  const version = textOf(field(answer.body, 'version'))
  return `${quotes.join('')}<p class="dim">Served by <span class="badge">reviews ${version}</span> ${textOf(field(answer.body, 'podname'))}</p>`
}

function session(user: string | undefined): string {
  if (user === undefined)
    return '<form method="post" action="/login"><label>Name <input name="username" size="10" required></label><button>Sign in</button></form>'
  return `<form method="post" action="/logout"><span>Signed in as <b>${escapeHtml(user)}</b></span><button>Sign out</button></form>`
}

/** The product page as one HTML document with no script and nothing to load. */
export function renderPage(content: PageContent): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(content.title)} · Bookinfo</title><style>${style}</style></head>
<body><header><b>Bookinfo</b><span class="dim">a sample of the Weft mesh</span>${session(content.user)}</header>
<main><section class="wide"><h1>${escapeHtml(content.title)}</h1><p>${escapeHtml(content.description)}</p></section>
<section><h2>Book details</h2>${detailsSection(content.details)}</section>
<section><h2>Reviews</h2>${reviewsSection(content.reviews)}</section>
<footer class="wide">Page made by ${escapeHtml(content.pod)}. Reload to see which version of reviews answers.</footer></main></body></html>
`
}
