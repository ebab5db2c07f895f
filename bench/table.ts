/** A figure of a row: its key in the JSON, its title in the table and its digits behind the point. */
export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Printed behind the number, as the `x` of a ratio. */
  readonly unit?: string
}

/** What one proxy reached in a scenario; figures by the key of their column. */
export interface Row {
  readonly proxy: string
  readonly version: string
  readonly figures: Readonly<Record<string, number>>
}

/** The outcome of one scenario. */
export interface Table {
  readonly scenario: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

/** Weft's figure over that of the proxy of the row. */
export const weftIs: Column = { key: 'weftIs', title: 'weft is', digits: 2, unit: ' x' }

/** The table as text for a terminal. */
export function toText({ scenario, columns, rows }: Table): string {
  const width = 16
  const line = (name: string, cells: readonly string[]): string =>
    `  ${name.padEnd(30)}${cells.map((cell) => cell.padStart(width)).join('')}`
  return [
    scenario,
    line(
      'proxy',
      columns.map(({ title }) => title),
    ),
    ...rows.map((row) =>
      line(
        `${row.proxy} ${row.version}`,
        columns.map((column) => cell(row, column)),
      ),
    ),
  ].join('\n')
}

/** The table as Markdown, for the documentation. */
export function toMarkdown({ scenario, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    `**${scenario}**`,
    '',
    line(['proxy', ...columns.map(({ title }) => title)]),
    line(['---', ...columns.map(() => '---:')]),
    ...rows.map((row) => line([`${row.proxy} ${row.version}`, ...columns.map((column) => cell(row, column))])),
  ].join('\n')
}

function cell(row: Row, { key, digits, unit = '' }: Column): string {
  const figure = row.figures[key]
  return figure === undefined || Number.isNaN(figure) ? '' : `${figure.toFixed(digits)}${unit}`
}

/** The middle one of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((one, other) => one - other)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/**
 * The median over the rounds of each figure of a proxy, and of the ratio of Weft's `measure` to its own in the same round. Errors are added up.
 */
export function summarize(
  rounds: readonly ReadonlyMap<string, Readonly<Record<string, number>>>[],
  proxy: string,
  measure: string,
): Readonly<Record<string, number>> {
  const own = rounds.flatMap((round) => {
    const figures = round.get(proxy)
    return figures === undefined ? [] : [figures]
  })
  const figures: Record<string, number> = {}
  for (const key of Object.keys(own[0] ?? {})) {
    const values = own.map((one) => one[key] ?? Number.NaN)
    figures[key] = key === 'errors' ? values.reduce((sum, value) => sum + value, 0) : median(values)
  }
  const ratios = rounds.flatMap((round) => {
    const [weft, other] = [round.get('weft')?.[measure], round.get(proxy)?.[measure]]
    return weft === undefined || other === undefined ? [] : [weft / other]
  })
  figures[weftIs.key] = median(ratios)
  return figures
}
