/** The formats of `-o`. By itself, so that the table of commands does not load a YAML library. */
export const outputFormats = ['table', 'json', 'yaml'] as const

/** One of the formats of `-o`. */
export type OutputFormat = (typeof outputFormats)[number]
