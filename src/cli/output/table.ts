/** A column: its heading and whether its cells stand to the right (numbers). */
export interface Column {
  readonly heading: string
  readonly align?: 'left' | 'right'
}

/** Where tables leave off; two spaces stand between columns. */
const gap = '  '

function pad(cell: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - Bun.stringWidth(cell)))
  return align === 'right' ? space + cell : cell + space
}

/**
 * Lays out rows under headings. Widths count what a terminal shows (wide characters are two, colour codes none).
 * Lines carry no trailing spaces. No rows give the headings alone.
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    rows.reduce((width, row) => Math.max(width, Bun.stringWidth(row[index] ?? '')), Bun.stringWidth(column.heading)),
  )
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align = 'left' }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align))
      .join(gap)
      .trimEnd()
  return [line(columns.map(({ heading }) => heading)), ...rows.map(line)].map((text) => `${text}\n`).join('')
}
