import { type ChannelCredentials, Client } from '@grpc/grpc-js'
import { MeshError } from '../../base/index.ts'
import { renewMethod } from '../ads-methods.ts'
import type { RenewResponse } from '../certificate-service.ts'
import { channelOptions } from './channel-credentials.ts'
import { endingWithChannel } from './channel-end.ts'

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
  const { path, requestSerialize, responseDeserialize } = renewMethod
  const client = new Client(request.address, endingWithChannel(request.credentials), channelOptions(request.address))
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { csr: request.csr },
      { deadline: Date.now() + renewTimeoutMs },
      (error, response) => {
        client.close()
        if (error !== null || response === undefined) {
          reject(
            new MeshError(
              'WEFT_XDS_RENEW',
              `No certificate from ${request.address}: ${error?.message ?? 'empty answer'}`,
            ),
          )
        } else resolve(response)
      },
    )
  })
}
