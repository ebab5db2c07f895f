/**
 * The HTTP connection manager: accepted connections, requests and their upstream exchanges over HTTP/1.1. It owns
 * framing, keep-alive, header hygiene, retries, timeouts, faults and telemetry of requests; it knows no listeners, no
 * TLS and no balancing: an accepted socket is handed in, endpoints come from `ClusterRuntime`.
 *
 *     downstream bytes -> head scan -> decide -> endpoint -> upstream head and body -> response -> downstream bytes
 *
 * One connection is one object with a state field; nothing is allocated per chunk.
 */
export { type HttpNode, type HttpServer, type HttpServerOptions } from './contract.ts'
export { createHttpServer } from './http-server.ts'
