/** Bounds on what a user's file may ask of the parser. Beyond them the file is refused with `WEFT_YAML_LIMIT`. */
export const limits = {
  /** Characters of one file, all its documents together. */
  fileCharacters: 8 * 1024 * 1024,
  /** Characters of one document; an object must fit into one store value of 1 MiB. */
  documentCharacters: 512 * 1024,
  /** Documents of one file, and items of one `List`. */
  documents: 10_000,
  /** Maps and lists inside each other. */
  depth: 64,
  /** Values that aliases (`*name`) of one document may stand for, counted as often as they are used. */
  aliasedValues: 100,
  /** Faults reported for one document; the rest is only said to exist. */
  diagnosticsPerDocument: 100,
} as const
