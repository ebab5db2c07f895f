/** A gRPC application: says what it got and who it is. It listens on `$PORT` and knows nothing of a mesh. */
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js'
import { type EchoReply, type EchoRequest, echoService } from './echo-grpc.ts'

const version = process.env['SERVICE_VERSION'] ?? '-'
const pod = process.env['WEFT_WORKLOAD_ID'] ?? '-'
const failures = new Map<string, number>()

interface Call {
  readonly metadata: Metadata
  readonly getHost: () => string
}

function reply(call: Call, text: string): EchoReply {
  const metadata = Object.fromEntries(
    Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
  )
  return { pod, version, text, authority: call.getHost(), metadata }
}

/** The status with which the call is to fail; 0 when it is to succeed. */
function failureOf({ text, status: code, failures: wanted }: EchoRequest): number {
  if (wanted === 0) return code
  const seen = (failures.get(text) ?? 0) + 1
  failures.set(text, seen)
  return seen <= wanted ? status.UNAVAILABLE : 0
}

async function say(call: ServerUnaryCall<EchoRequest, EchoReply>, done: sendUnaryData<EchoReply>): Promise<void> {
  await Bun.sleep(call.request.delayMs)
  const code = failureOf(call.request)
  if (code === 0) done(null, reply(call, call.request.text))
  else done(Object.assign(new Error('as asked for'), { code }))
}

function spell(call: ServerWritableStream<EchoRequest, EchoReply>): void {
  for (const letter of call.request.text) call.write(reply(call, letter))
  const trailer = new Metadata()
  trailer.set('letters', String(call.request.text.length))
  call.end(trailer)
}

function join(call: ServerReadableStream<EchoRequest, EchoReply>, done: sendUnaryData<EchoReply>): void {
  let all = ''
  call.on('data', (request: EchoRequest) => (all += request.text))
  call.on('end', () => done(null, reply(call, all)))
}

function chat(call: ServerDuplexStream<EchoRequest, EchoReply>): void {
  call.on('data', (request: EchoRequest) => call.write(reply(call, request.text)))
  call.on('end', () => call.end())
}

const server = new Server()
server.addService(echoService, {
  Say: (call: ServerUnaryCall<EchoRequest, EchoReply>, done: sendUnaryData<EchoReply>) => void say(call, done),
  Spell: spell,
  Join: join,
  Chat: chat,
})
server.bindAsync(`127.0.0.1:${process.env['PORT'] ?? '0'}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error
})
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)))
