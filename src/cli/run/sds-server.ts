import { chmod, rm } from 'node:fs/promises'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import type { WorkloadCertificate } from '../../proxy/identity/index.ts'
import { secretName, TypeUrl } from '../../xds/index.ts'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../xds/generated/envoy/service/discovery/v3/discovery_pb.ts'
import { CliError } from '../cli-error.ts'

/** Serves a workload's secrets to a foreign proxy beside it. */
export interface SdsServer extends AsyncDisposable {
  /** Sends the certificate and the trust bundle to whoever subscribes, now and later. */
  readonly setCertificate: (certificate: WorkloadCertificate) => void
}

/** Secrets that a foreign proxy may subscribe to are these two: streams are few and small. */
const maxMessageBytes = 64 * 1024

const streamSecrets: MethodDefinition<DiscoveryRequest, DiscoveryResponse> = {
  path: '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
  requestStream: true,
  responseStream: true,
  requestSerialize: (value) => Buffer.from(toBinary(DiscoveryRequestSchema, value)),
  requestDeserialize: (bytes) => fromBinary(DiscoveryRequestSchema, bytes),
  responseSerialize: (value) => Buffer.from(toBinary(DiscoveryResponseSchema, value)),
  responseDeserialize: (bytes) => fromBinary(DiscoveryResponseSchema, bytes),
}

type Stream = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>

function pem(text: string) {
  return { specifier: { case: 'inlineBytes' as const, value: new TextEncoder().encode(text) } }
}

/** A secret of the certificate by its SDS name, or nothing when there is none of that name. */
function secretOf(name: string, certificate: WorkloadCertificate): MessageInitShape<typeof SecretSchema> | undefined {
  if (name === secretName.certificate) {
    const { certificateChain, privateKey } = certificate
    return {
      name,
      type: { case: 'tlsCertificate', value: { certificateChain: pem(certificateChain), privateKey: pem(privateKey) } },
    }
  }
  if (name === secretName.bundle)
    return { name, type: { case: 'validationContext', value: { trustedCa: pem(certificate.trustBundle) } } }
  return undefined
}

function bind(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve()
      else
        reject(
          new CliError(
            'WEFT_RUN_DATA_PLANE',
            `Cannot listen on ${socketPath}: ${error.message}`,
            'Choose a shorter --data-dir: the path of a socket has at most 107 bytes',
            {
              cause: error,
            },
          ),
        )
    })
  })
}

/**
 * Starts an SDS server (state of the world, one stream for each secret, as Envoy does it) on a Unix socket that only this
 * user may open.
 *
 * @throws {CliError} `WEFT_RUN_DATA_PLANE` if the socket cannot be made.
 */
export async function startSdsServer(socketPath: string): Promise<SdsServer> {
  const streams = new Map<Stream, Set<string>>()
  let current: WorkloadCertificate | undefined
  let version = 0
  const send = (stream: Stream, names: ReadonlySet<string>) => {
    if (current === undefined) return
    const resources = []
    for (const name of names) {
      const secret = secretOf(name, current)
      if (secret !== undefined)
        resources.push({ typeUrl: TypeUrl.secret, value: toBinary(SecretSchema, create(SecretSchema, secret)) })
    }
    stream.write(
      create(DiscoveryResponseSchema, {
        versionInfo: String(version),
        nonce: String(version),
        typeUrl: TypeUrl.secret,
        resources,
      }),
    )
  }
  const serve = (stream: Stream) => {
    stream.on('data', (request: DiscoveryRequest) => {
      const known = streams.get(stream)
      const names = new Set(request.resourceNames)
      streams.set(stream, names)
      // An acknowledgement repeats the names; only new ones ask for an answer.
      if (known === undefined || [...names].some((name) => !known.has(name))) send(stream, names)
    })
    const forget = () => void streams.delete(stream)
    stream.on('end', () => {
      forget()
      stream.end()
    })
    stream.on('error', forget)
    stream.on('cancelled', forget)
  }
  await rm(socketPath, { force: true })
  const server = new Server({ 'grpc.max_receive_message_length': maxMessageBytes })
  const implementation: Record<string, UntypedHandleCall> = { streamSecrets: serve }
  server.addService({ streamSecrets }, implementation)
  await bind(server, socketPath)
  await chmod(socketPath, 0o600)
  return {
    setCertificate: (certificate) => {
      current = certificate
      version += 1
      for (const [stream, names] of streams) send(stream, names)
    },
    [Symbol.asyncDispose]: async () => {
      server.forceShutdown()
      await rm(socketPath, { force: true })
    },
  }
}
