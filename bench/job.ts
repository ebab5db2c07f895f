/** The job that every proxy is given beside moving bytes: a route table, one authorization rule, retries. */

/** Routes of the table; each is a prefix, `/bench.Service0/` to `/bench.Service49/`. */
export const routePrefixes: readonly string[] = Array.from({ length: 50 }, (_, index) => `/bench.Service${index}/`)

/** What the load asks for: a route in the middle of the table. The gRPC backend is a file server and tells the content type by the suffix. */
export const requestPath = '/bench.Service25/Call.grpc'

/** The header that the authorization rule wants; a request without it is denied. */
export const callerHeader = { name: 'x-caller', value: 'bench' } as const

/** Octets of each response. */
export const responseBytes = 68

/** Connections of the load, or streams when they share connections. */
export const concurrency = 64

/** Streams on one connection of an HTTP/2 load. */
export const streamsPerConnection = 16
