import { z } from 'zod'
import { errorResponseSchema } from '../rest/index.ts'
import type { Route } from './route.ts'

/** Plain JSON. */
type Json = { readonly [name: string]: unknown }

/** The OpenAPI 3.1 document of these routes, made from the schemas that the server checks with. */
export function createOpenApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.1.0',
    servers: [{ url: '/', description: 'This control plane' }],
    info: { title: 'Weft control plane', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { Error: toJsonSchema(errorResponseSchema, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Content of the file `token` in the data directory' },
      },
    },
  }
}

function operation(route: Route): Json {
  const failures: Record<string, string> = { ...route.failures, 500: 'The control plane failed' }
  if (route.auth === 'token') failures[401] = 'The bearer token is missing or wrong'
  const responses: Record<string, Json> = {
    200: { description: 'Success', content: jsonContent(toJsonSchema(route.answer, 'output')) },
  }
  for (const [status, description] of Object.entries(failures)) {
    responses[status] = { description, content: jsonContent({ $ref: '#/components/schemas/Error' }) }
  }
  return {
    operationId: operationId(route),
    summary: route.summary,
    security: route.auth === 'token' ? [{ token: [] }] : [],
    parameters: [...pathParameters(route.path), ...queryParameters(route)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonContent(toJsonSchema(route.body.schema, 'input')) } }),
    responses,
  }
}

function operationId(route: Route): string {
  const words = route.path.split(/[/{}.-]+/).filter((word) => word !== '' && word !== 'v1')
  return [route.method.toLowerCase(), ...words].join('-')
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(route: Route): readonly Json[] {
  return Object.entries(route.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: toJsonSchema(schema, 'input'),
  }))
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } }
}

function toJsonSchema(schema: z.core.$ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' })
  return rest
}
