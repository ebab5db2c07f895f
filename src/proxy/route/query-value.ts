/** The first value of a query parameter as it stands in the URL, not decoded; undefined when the parameter is absent. */
export function firstQueryValue(query: string, name: string): string | undefined {
  let at = 0
  while (at < query.length) {
    let end = query.indexOf('&', at)
    if (end < 0) end = query.length
    if (query.startsWith(name, at)) {
      const after = at + name.length
      if (after === end) return ''
      if (after < end && query.charCodeAt(after) === 61 /* = */) return query.slice(after + 1, end)
    }
    at = end + 1
  }
  return undefined
}
