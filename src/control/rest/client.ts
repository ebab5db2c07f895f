/**
 * A small typed client of the REST API: finds the control plane by its server file, trusts only that file's CA bundle,
 * sends the bearer token, checks every answer against its schema. Stateless: reads the files anew for each call, so it
 * survives a control plane that restarts with another certificate or port.
 */
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { z } from 'zod'
import { MeshError } from '../../base/index.ts'
import {
  type applyRequestSchema,
  applyResponseSchema,
  type ApplyResponse,
  certificateResponseSchema,
  type CertificateResponse,
  deleteResponseSchema,
  type DeleteResponse,
  enforcementSchema,
  type Enforcement,
  errorResponseSchema,
  type ErrorResponse,
  resourceListSchema,
  type ResourceList,
  statusSchema,
  type Status,
  storedResourceSchema,
  type StoredResource,
  tcpServicesSchema,
  type TcpServices,
  type WorkloadInput,
  workloadListSchema,
  type WorkloadList,
  workloadResponseSchema,
  type WorkloadResponse,
} from './contract.ts'
import { readServerFile } from './server-file.ts'

/** Names one stored object; `group` is empty or `core` for Kubernetes' own. */
export interface ResourceName {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** The REST API as functions. Every one rejects with {@link ApiError}, or a `MeshError` when there is no answer. */
export interface ApiClient {
  /** Stores all objects of the files or, with an `ApiError` that carries all diagnostics, none. */
  readonly apply: (request: z.input<typeof applyRequestSchema>) => Promise<ApplyResponse>
  /** What `apply` would do, with the text before and after; stores nothing. */
  readonly diff: (request: z.input<typeof applyRequestSchema>) => Promise<ApplyResponse>
  readonly listResources: (filter?: { readonly kind?: string; readonly namespace?: string }) => Promise<ResourceList>
  readonly getResource: (name: ResourceName) => Promise<StoredResource>
  readonly deleteResource: (name: ResourceName) => Promise<DeleteResponse>
  /** Deletes all of them in one commit or, with an `ApiError` that names what is not stored, none. */
  readonly deleteResources: (names: readonly ResourceName[]) => Promise<DeleteResponse>
  /** Registers a workload or renews its lease (15 s). `token: true` asks for a new join token on a renewal too. */
  readonly putWorkload: (
    id: string,
    request: WorkloadInput,
    options?: { readonly token?: boolean },
  ) => Promise<WorkloadResponse>
  readonly deleteWorkload: (id: string) => Promise<DeleteResponse>
  readonly listWorkloads: () => Promise<WorkloadList>
  readonly tcpServices: (namespace: string) => Promise<TcpServices>
  /** The first certificate of a workload, against its join token; `csr` is PEM. */
  readonly requestCertificate: (joinToken: string, csr: string) => Promise<CertificateResponse>
  readonly status: () => Promise<Status>
  /** Waits at most `timeoutMs` until every affected proxy acknowledged `revision`; `pending` names those that have not. */
  readonly enforcement: (revision: number, timeoutMs: number) => Promise<Enforcement>
}

/** An answer of the REST API that is not a success. `code` is the answer's own. */
export class ApiError extends MeshError {
  override readonly name = 'ApiError'
  /** HTTP status, for example 422. */
  readonly status: number
  /** All faults of the user's files, when that is what failed. */
  readonly diagnostics: NonNullable<ErrorResponse['diagnostics']>

  constructor(status: number, body: ErrorResponse) {
    super(body.code, body.message)
    this.status = status
    this.diagnostics = body.diagnostics ?? []
  }
}

/** Time for an ordinary call; long polls add their own. */
const callTimeoutMs = 10_000

interface Call<Answer> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly answer: z.ZodType<Answer>
  readonly timeoutMs?: number
}

/**
 * Makes a client of the control plane that `serverFile` (a path to `control-plane.json`, see `findServerFile`) describes.
 * Does no I/O by itself.
 */
export function createApiClient(options: { readonly serverFile: string }): ApiClient {
  const call = <Answer>(what: Call<Answer>): Promise<Answer> => send(options.serverFile, what)
  const apply = (path: string) => (request: z.input<typeof applyRequestSchema>) =>
    call({ method: 'POST', path, body: request, answer: applyResponseSchema })
  return {
    apply: apply('/v1/apply'),
    diff: apply('/v1/diff'),
    listResources: (filter = {}) =>
      call({ method: 'GET', path: '/v1/resources', query: { ...filter }, answer: resourceListSchema }),
    getResource: (name) => call({ method: 'GET', path: resourcePath(name), answer: storedResourceSchema }),
    deleteResource: (name) => call({ method: 'DELETE', path: resourcePath(name), answer: deleteResponseSchema }),
    deleteResources: (names) =>
      call({ method: 'POST', path: '/v1/delete', body: { names }, answer: deleteResponseSchema }),
    putWorkload: (id, request, { token = false } = {}) =>
      call({
        method: 'PUT',
        path: `/v1/workloads/${encodeURIComponent(id)}`,
        query: { token: token ? 'true' : undefined },
        body: request,
        answer: workloadResponseSchema,
      }),
    deleteWorkload: (id) =>
      call({ method: 'DELETE', path: `/v1/workloads/${encodeURIComponent(id)}`, answer: deleteResponseSchema }),
    listWorkloads: () => call({ method: 'GET', path: '/v1/workloads', answer: workloadListSchema }),
    tcpServices: (namespace) =>
      call({ method: 'GET', path: '/v1/tcp-services', query: { namespace }, answer: tcpServicesSchema }),
    requestCertificate: (joinToken, csr) =>
      call({ method: 'POST', path: '/v1/certificates', body: { joinToken, csr }, answer: certificateResponseSchema }),
    status: () => call({ method: 'GET', path: '/v1/status', answer: statusSchema }),
    enforcement: (revision, timeoutMs) =>
      call({
        method: 'GET',
        path: `/v1/enforcement/${revision}`,
        query: { timeoutMs: String(timeoutMs) },
        answer: enforcementSchema,
        timeoutMs: timeoutMs + callTimeoutMs,
      }),
  }
}

function resourcePath(name: ResourceName): string {
  const group = name.group === '' ? 'core' : name.group
  return `/v1/resources/${[group, name.kind, name.namespace, name.name].map(encodeURIComponent).join('/')}`
}

async function send<Answer>(serverFile: string, what: Call<Answer>): Promise<Answer> {
  const server = await readServerFile(serverFile)
  const [ca, token] = await Promise.all([readFile(server.caFile, 'utf8'), readFile(server.tokenFile, 'utf8')])
  const url = new URL(what.path, server.api)
  for (const [key, value] of Object.entries(what.query ?? {})) if (value !== undefined) url.searchParams.set(key, value)
  try {
    const { status, text } = await exchange(url, what, { ca, token: token.trim() })
    return parseAnswer(what, status, text)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('WEFT_CONTROL_UNREACHABLE', `No answer from the control plane at ${server.api}: ${reason}`, {
      cause,
    })
  }
}

/** `node:https` and not `fetch`: that one obeys `https_proxy`, which is meant for the application. */
async function exchange(
  url: URL,
  what: Pick<Call<unknown>, 'method' | 'body' | 'timeoutMs'>,
  credentials: { readonly ca: string; readonly token: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const body = what.body === undefined ? undefined : JSON.stringify(what.body)
  const timeoutMs = what.timeoutMs ?? callTimeoutMs
  const call = request(url, {
    method: what.method,
    ca: credentials.ca,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      authorization: `Bearer ${credentials.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    },
  })
  call.on('response', resolve)
  call.on('error', (cause) =>
    reject(cause.name === 'AbortError' ? new Error(`no answer within ${timeoutMs} ms`, { cause }) : cause),
  )
  call.end(body)
  const response = await promise
  const parts: Buffer[] = []
  for await (const part of response) parts.push(Buffer.from(part))
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }
}

function parseAnswer<Answer>(what: Call<Answer>, status: number, text: string): Answer {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    body = undefined // Not JSON: falls to the malformed answer below.
  }
  const success = status >= 200 && status < 300
  const parsed = success ? what.answer.safeParse(body) : undefined
  if (parsed?.success === true) return parsed.data
  const failure = success ? undefined : errorResponseSchema.safeParse(body)
  if (failure?.success === true) throw new ApiError(status, failure.data)
  const why = parsed?.error === undefined ? text.slice(0, 200) : z.prettifyError(parsed.error)
  throw new MeshError('WEFT_CONTROL_ANSWER', `Unexpected answer ${status} to ${what.method} ${what.path}: ${why}`)
}
