/**
 * The REST API served over HTTPS: a table of routes, and a server made from it.
 *
 *     request -> router -> bearer token -> query and body by schema -> handler -> JSON
 *                                                   any error ----> one place that makes it an ErrorResponse
 *
 * `/openapi.json` is made from the same table. Handlers are thin: what they do stands in `objects/`, `workloads/` and `push/`.
 * The schemas stand in `rest/`, with the client.
 */
export { defineRoute, type Route } from './route.ts'
export { type RestServer, type RestServerOptions, startRestServer } from './rest-server.ts'
export { resourceRoutes } from './routes/resource-routes.ts'
export { statusRoutes } from './routes/status-routes.ts'
export { workloadRoutes } from './routes/workload-routes.ts'
