import { expect, test } from 'bun:test'
import { mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials } from '@grpc/grpc-js'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../xds/generated/envoy/service/discovery/v3/discovery_pb.ts'
import { startSdsServer } from './sds-server.ts'
import { waitUntil } from './wait-until.ts'

const certificate = (name: string) => ({
  privateKey: `key ${name}`,
  certificateChain: `chain ${name}`,
  trustBundle: `bundle ${name}`,
  notBefore: 0,
  notAfter: 1,
  serialNumber: '01',
})

function open(socketPath: string) {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure())
  const stream = client.makeBidiStreamRequest<DiscoveryRequest, DiscoveryResponse>(
    '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
    (value) => Buffer.from(toBinary(DiscoveryRequestSchema, value)),
    (bytes) => fromBinary(DiscoveryResponseSchema, bytes),
  )
  const received: DiscoveryResponse[] = []
  stream.on('data', (response: DiscoveryResponse) => {
    received.push(response)
    stream.write(
      create(DiscoveryRequestSchema, {
        resourceNames: ['default'],
        responseNonce: response.nonce,
        versionInfo: response.versionInfo,
      }),
    )
  })
  stream.on('error', () => {})
  return { client, stream, received }
}

function chainOf(response: DiscoveryResponse | undefined): string {
  const bytes = response?.resources[0]?.value
  if (bytes === undefined) return ''
  const secret = fromBinary(SecretSchema, bytes)
  if (secret.type.case !== 'tlsCertificate') return ''
  const source = secret.type.value.certificateChain?.specifier
  return source?.case === 'inlineBytes' ? new TextDecoder().decode(source.value) : ''
}

test('startSdsServer() sends the certificate when there is one, and again only when it changes, on a socket of this user alone', async () => {
  const socketPath = join(await mkdtemp(join(tmpdir(), 'weft-sds-')), 'sds.sock')
  await using server = await startSdsServer(socketPath)
  expect(((await stat(socketPath)).mode & 0o777).toString(8)).toBe('600')
  const { client, stream, received } = open(socketPath)
  stream.write(create(DiscoveryRequestSchema, { resourceNames: ['default'] }))
  server.setCertificate(certificate('one'))
  expect(await waitUntil(() => Promise.resolve(received.length === 1), { timeoutMs: 4_000 })).toBe(true)
  expect(chainOf(received[0])).toBe('chain one')
  server.setCertificate(certificate('two'))
  expect(await waitUntil(() => Promise.resolve(received.length === 2), { timeoutMs: 4_000 })).toBe(true)
  expect(chainOf(received[1])).toBe('chain two')
  stream.end()
  client.close()
}, 10_000)
