/**
 * HTTP/2 connections on sockets: what the server's side of `http/` and the pools of `cluster/` have in common. A session (sans I/O, in
 * `wire/http2`) composes frames; what it composes leaves here, once per turn of the event loop, and the socket's back pressure is passed on to it.
 *
 * `SessionWatch` finds peers that fell silent.
 *
 * Knows nothing of requests, routes or endpoints.
 */
export { type OutputOptions, SessionOutput } from './session-output.ts'
export { SessionWatch } from './session-watch.ts'
