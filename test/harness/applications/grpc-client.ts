/**
 * An application that calls others by gRPC, with what the library makes of its variables, when it is asked to:
 * `/call?method=Say&target=T&text=A&text=B` and, if wanted, `authority`, `deadline` (milliseconds), `delay`, `status`, `failures`
 * and any number of `meta=name:value`. Answers with the status of the call and the replies. `$NAME` as a target stands for the loopback address of that
 * service in the variables.
 */
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { type EchoReply, type EchoRequest, echoService } from './echo-grpc.ts'

/** How a call ended. */
interface CallReport {
  readonly code: number
  readonly details: string
  readonly replies: readonly EchoReply[]
}

const clients = new Map<string, Client>()

function clientOf(target: string, authority: string | null): Client {
  const key = `${target} ${authority ?? ''}`
  const known = clients.get(key)
  if (known !== undefined) return known
  const options = authority === null ? {} : { 'grpc.default_authority': authority }
  const made = new Client(target, credentials.createInsecure(), options)
  clients.set(key, made)
  return made
}

function targetOf(text: string): string {
  if (!text.startsWith('$')) return text
  const name = text.slice(1)
  return `${process.env[`${name}_SERVICE_HOST`] ?? ''}:${process.env[`${name}_SERVICE_PORT`] ?? ''}`
}

function call(query: URLSearchParams): Promise<CallReport> {
  const { promise, resolve } = Promise.withResolvers<CallReport>()
  const number = (name: string): number => Number(query.get(name) ?? '0')
  const client = clientOf(targetOf(query.get('target') ?? ''), query.get('authority'))
  const requests = query.getAll('text').map((text): EchoRequest => ({
    text,
    delayMs: number('delay'),
    status: number('status'),
    failures: number('failures'),
  }))
  const metadata = new Metadata()
  for (const pair of query.getAll('meta'))
    metadata.add(pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1))
  const options: CallOptions = { deadline: Date.now() + (query.has('deadline') ? number('deadline') : 10_000) }
  const replies: EchoReply[] = []
  const end = (error: Pick<ServiceError, 'code' | 'details'> | null): void =>
    resolve({ code: error?.code ?? 0, details: error?.details ?? '', replies })
  const take = (reply: EchoReply): void => void replies.push(reply)
  const unary = (error: ServiceError | null, reply?: EchoReply): void => {
    if (reply !== undefined) take(reply)
    end(error)
  }
  const [first = { text: '', delayMs: 0, status: 0, failures: 0 }] = requests
  const name = query.get('method') ?? 'Say'
  const { path, requestSerialize: write, responseDeserialize: read } = echoService[name as keyof typeof echoService]
  if (name === 'Say') client.makeUnaryRequest(path, write, read, first, metadata, options, unary)
  else if (name === 'Join') {
    const stream = client.makeClientStreamRequest(path, write, read, metadata, options, unary)
    for (const request of requests) stream.write(request)
    stream.end()
  } else if (name === 'Spell') {
    const stream = client.makeServerStreamRequest(path, write, read, first, metadata, options)
    stream
      .on('data', take)
      .on('status', end)
      .on('error', () => undefined)
  } else {
    // Each message waits for the reply to the one before: nothing is held back on the way.
    const left = [...requests]
    const stream = client.makeBidiStreamRequest(path, write, read, metadata, options)
    const next = (): void => {
      const request = left.shift()
      if (request === undefined) stream.end()
      else stream.write(request)
    }
    stream.on('data', (reply: EchoReply) => (take(reply), next()))
    stream.on('status', end).on('error', () => undefined)
    next()
  }
  return promise
}

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT'] ?? '0'),
  idleTimeout: 60,
  fetch: async (request) => Response.json(await call(new URL(request.url).searchParams)),
})
process.on('SIGTERM', () => process.exit(0))
