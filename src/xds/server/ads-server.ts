import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Server,
  type ServerDuplexStream,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { MeshError, systemClock } from '../../base/index.ts'
import { deltaMethod, renewMethod, sotwMethod } from '../ads-methods.ts'
import type { RenewRequest, RenewResponse } from '../certificate-service.ts'
import { AdsSession, type AdsRequest } from './ads-session.ts'
import type { AdsStream } from './ads-stream.ts'
import type { AdsClient, AdsServer, AdsServerOptions, RenewHandler } from './contract.ts'
import { createDeltaStream } from './delta-stream.ts'
import { maxRequestBytes } from './limits.ts'
import { peerIdentity } from './peer-identity.ts'
import { createRotatingCredentials } from './server-credentials.ts'
import { createSotwStream } from './sotw-stream.ts'

/**
 * Starts an ADS server with mutual TLS; resolves when it is bound.
 *
 * @throws {MeshError} WEFT_XDS_BIND when the address cannot be bound.
 */
export async function createAdsServer(options: AdsServerOptions): Promise<AdsServer> {
  const keepaliveMs = options.keepaliveMs ?? 30_000
  const server = new Server({
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': Math.min(keepaliveMs, 10_000),
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_concurrent_streams': 100,
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.max_send_message_length': -1,
  })
  const credentials = createRotatingCredentials(options.identity)
  const sessions = new Map<number, AdsClient>()
  let lastId = 0

  function serve<Request extends AdsRequest, Response>(
    delta: boolean,
    createStream: (streamId: string) => AdsStream<Request, Response>,
  ): handleBidiStreamingCall<Request, Response> {
    return (call: ServerDuplexStream<Request, Response>) => {
      lastId += 1
      const streamId = lastId
      const session = new AdsSession({
        streamId,
        delta,
        call,
        stream: createStream(String(streamId)),
        identity: peerIdentity(call.getAuthContext()),
        callbacks: options.callbacks,
        now: systemClock.now,
        sequenceTimeoutMs: options.sequenceTimeoutMs ?? 5000,
        onEnd: () => sessions.delete(streamId),
      })
      sessions.set(streamId, session)
    }
  }

  const implementation: Record<string, UntypedHandleCall> = {
    delta: serve(true, createDeltaStream),
    sotw: serve(false, createSotwStream),
  }
  server.addService({ delta: deltaMethod, sotw: sotwMethod }, implementation)
  if (options.renew !== undefined) server.addService({ renew: renewMethod }, { renew: serveRenewal(options.renew) })
  const port = await bind(server, options, credentials.credentials)
  return {
    port,
    setIdentity: credentials.setIdentity,
    clients: () => [...sessions.values()],
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions.values()) session.close('The control plane is stopping')
      server.forceShutdown()
    },
  }
}

function bind(
  server: Server,
  { host, port }: AdsServerOptions,
  credentials: Parameters<Server['bindAsync']>[1],
): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound)
      else reject(new MeshError('WEFT_XDS_BIND', `Cannot listen for ADS on ${address}`, { cause: error }))
    })
  })
}

function serveRenewal(renew: RenewHandler): handleUnaryCall<RenewRequest, RenewResponse> {
  return (call, callback) => {
    const identity = peerIdentity(call.getAuthContext())
    if (identity.spiffeId === '') {
      callback({ code: status.UNAUTHENTICATED, details: 'Expected a client certificate with one SPIFFE id' })
      return
    }
    renew(identity, call.request).then(
      (response) => callback(null, response),
      (error: unknown) => {
        // The cause stays here; the peer learns only what was written for it.
        const details =
          error instanceof MeshError ? `${error.message} [${error.code}]` : 'The certificate could not be issued'
        callback({ code: error instanceof MeshError ? status.PERMISSION_DENIED : status.INTERNAL, details })
      },
    )
  }
}
