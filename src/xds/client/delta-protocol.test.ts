import { describe, expect, test } from 'bun:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../generated/envoy/config/core/v3/base_pb.ts'
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl } from '../names.ts'
import type { ApplyUpdate } from './contract.ts'
import { createDeltaProtocol } from './delta-protocol.ts'

const { cluster: CDS, endpoints: EDS, listener: LDS, virtualHost: VHDS } = TypeUrl

function response(typeUrl: string, names: readonly string[], removedResources: string[] = []): DeltaDiscoveryResponse {
  const resources = names.map((text) => {
    const [name = '', version = '1'] = text.split('@')
    return { name, version, resource: { typeUrl, value: new Uint8Array() } }
  })
  return create(DeltaDiscoveryResponseSchema, { typeUrl, nonce: 'n1', resources, removedResources })
}

function texts(requests: readonly DeltaDiscoveryRequest[]): string[] {
  return requests.map((request) => {
    const versions = Object.entries(request.initialResourceVersions).map(([name, version]) => `${name}@${version}`)
    return [
      request.typeUrl.split('.').at(-1),
      ...(request.node === undefined ? [] : [`node=${request.node.id}`]),
      ...request.resourceNamesSubscribe.map((name) => `+${name}`),
      ...request.resourceNamesUnsubscribe.map((name) => `-${name}`),
      ...versions,
      ...(request.responseNonce === '' ? [] : [`nonce=${request.responseNonce}`]),
      ...(request.errorDetail === undefined ? [] : [request.errorDetail.message]),
    ].join(' ')
  })
}

function open() {
  const protocol = createDeltaProtocol(create(NodeSchema, { id: 'me' }))
  const seen: string[] = []
  const accept: ApplyUpdate = ({ resources, removed }) => {
    seen.push([...resources.map(({ name }) => name), ...removed.map((name) => `-${name}`)].join(' '))
    return []
  }
  return { protocol, seen, accept }
}

describe('createDeltaProtocol()', () => {
  test('asks in push order, with the node in the first request only', () => {
    const { protocol } = open()
    protocol.subscribe(LDS, ['*'])
    protocol.subscribe(CDS, ['*'])
    protocol.onOpen()
    expect(texts(protocol.take())).toEqual(['Cluster node=me +*', 'Listener +*'])
    expect(protocol.take()).toEqual([])
  })

  test('acknowledges by nonce and sends only changes of subscriptions', () => {
    const { protocol, accept } = open()
    protocol.subscribe(EDS, ['a'])
    protocol.onOpen()
    protocol.take()
    protocol.onResponse(response(EDS, ['a']), accept)
    protocol.subscribe(EDS, ['b'])
    protocol.unsubscribe(EDS, ['a', 'never'])
    expect(texts(protocol.take())).toEqual(['ClusterLoadAssignment nonce=n1', 'ClusterLoadAssignment +b -a'])
  })

  test('refuses with type, name, field and message, and keeps the last good version for the next stream', () => {
    const { protocol, accept } = open()
    protocol.subscribe(CDS, ['*'])
    protocol.onOpen()
    protocol.take()
    protocol.onResponse(response(CDS, ['a@1', 'b@1']), accept)
    protocol.take()
    protocol.onResponse(response(CDS, ['a@2', 'b@2']), () => [{ name: 'a', message: 'name: bad' }])
    expect(texts(protocol.take())).toEqual(['Cluster nonce=n1 Cluster a: name: bad'])
    protocol.onOpen()
    expect(texts(protocol.take())).toEqual(['Cluster node=me +* a@1 b@2'])
  })

  test('forgets on a new stream what was to be acknowledged on the old one', () => {
    const { protocol, accept } = open()
    protocol.subscribe(CDS, ['*'])
    protocol.onOpen()
    protocol.take()
    protocol.onResponse(response(CDS, ['a'], []), accept)
    protocol.onOpen()
    expect(texts(protocol.take())).toEqual(['Cluster node=me +* a@1'])
  })

  test('ignores what was never asked for or was given up', () => {
    const { protocol, seen, accept } = open()
    protocol.subscribe(EDS, ['a'])
    protocol.onOpen()
    protocol.onResponse(response(EDS, ['a', 'b'], ['c']), accept)
    expect(seen).toEqual(['a'])
  })

  test('takes an entry without a resource as the answer that there is none', () => {
    const { protocol, seen, accept } = open()
    protocol.subscribe(VHDS, ['http_proxy/a:80'])
    protocol.onOpen()
    const answer = create(DeltaDiscoveryResponseSchema, {
      typeUrl: VHDS,
      resources: [{ name: 'other', aliases: ['http_proxy/a:80'] }],
    })
    protocol.onResponse(answer, accept)
    expect(seen).toEqual(['-http_proxy/a:80'])
  })

  test('refuses a resource of another type than its response', () => {
    const { protocol, accept } = open()
    protocol.subscribe(CDS, ['*'])
    protocol.onOpen()
    protocol.take()
    const wrong = create(DeltaDiscoveryResponseSchema, {
      typeUrl: CDS,
      nonce: 'n1',
      resources: [{ name: 'a', resource: { typeUrl: EDS, value: new Uint8Array() } }],
    })
    protocol.onResponse(wrong, accept)
    expect(texts(protocol.take())[0]).toContain('Cluster a: type_url: expected')
  })

  test('tells restored versions, and forgets those of removed resources', () => {
    const { protocol, accept } = open()
    protocol.restore(
      CDS,
      new Map([
        ['a', '7'],
        ['b', '7'],
      ]),
    )
    protocol.subscribe(CDS, ['*'])
    protocol.onOpen()
    expect(texts(protocol.take())).toEqual(['Cluster node=me +* a@7 b@7'])
    protocol.onResponse(response(CDS, [], ['a']), accept)
    protocol.onOpen()
    expect(texts(protocol.take())).toEqual(['Cluster node=me +* b@7'])
  })

  test('sends no request of a type that nothing is subscribed to', () => {
    const { protocol } = open()
    protocol.subscribe(VHDS, ['http_proxy/a'])
    protocol.unsubscribe(VHDS, ['http_proxy/a'])
    protocol.onOpen()
    expect(protocol.take()).toEqual([])
  })
})
