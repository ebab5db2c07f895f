/** Bounds of active health checks; none is a setting of users. */
export const CheckLimits = {
  /** Body of an answer that is kept for matching, whatever `response_buffer_size` allows, bytes. */
  bodyBytes: 1024 * 1024,
  /** Head of an answer, bytes; a longer one is a failure. */
  headBytes: 60 * 1024,
  /** Fields of a head; more are a failure. */
  headFields: 100,
  /** What a TCP service may say before what is expected was found, bytes; with more the check fails. */
  tcpBytes: 64 * 1024,
  /** A check that cannot be made for want of a descriptor or of a secret is tried again after so many ms. */
  notReadyMs: 250,
} as const
