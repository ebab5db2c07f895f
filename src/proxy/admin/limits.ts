/** Bounds of the admin interface. */
export const AdminLimits = {
  /** Largest request body; no request needs one. */
  requestBodyBytes: 64 * 1024,
  /** A client that is silent for so long is cut, s. */
  idleTimeoutSeconds: 10,
  /** Longest regular expression of `filter` and `name_regex`. */
  filterBytes: 1024,
} as const
