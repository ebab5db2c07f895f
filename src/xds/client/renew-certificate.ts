import { MeshError } from '../../base/index.ts'
import {
  decodeRenewResponse,
  encodeRenewRequest,
  maxRenewMessageBytes,
  renewMethodPath,
  type RenewResponse,
} from '../certificate-service.ts'
import type { ChannelCredentials } from './channel-credentials.ts'
import { openGrpcCall } from './grpc-call.ts'

/** Longest time for one renewal, connection and all. */
const renewTimeoutMs = 10_000

/**
 * Asks the control plane for the next certificate of the identity that `credentials` prove.
 *
 * @throws {MeshError} WEFT_XDS_RENEW when there is no answer within 10 s, or a refusal.
 */
export function renewCertificate(request: {
  readonly address: string
  readonly credentials: ChannelCredentials
  readonly csr: string
}): Promise<RenewResponse> {
  const { address, credentials, csr } = request
  return new Promise((resolve, reject) => {
    const refuse = (reason: string): void =>
      reject(new MeshError('WEFT_XDS_RENEW', `No certificate from ${address}: ${reason}`))
    let answer: Buffer | undefined
    const call = openGrpcCall(
      {
        target: { address, credentials },
        path: renewMethodPath,
        maxMessageBytes: maxRenewMessageBytes,
        deadlineMs: renewTimeoutMs,
      },
      {
        onAccepted: () => undefined,
        onMessage: (message) => {
          answer ??= message
        },
        onEnd: (code, text) => {
          if (code !== 0) refuse(text)
          else if (answer === undefined) refuse('empty answer')
          else
            try {
              resolve(decodeRenewResponse(answer))
            } catch (cause) {
              refuse(cause instanceof Error ? cause.message : String(cause))
            }
        },
      },
    )
    call.send(encodeRenewRequest({ csr }))
    call.end()
  })
}
