import { describe, expect, test } from 'bun:test'
import { create } from '@bufbuild/protobuf'
import { StatusSchema } from '../generated/google/rpc/status_pb.ts'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl, type XdsType } from '../names.ts'
import type { XdsResource, XdsSnapshot } from '../resource.ts'
import { createSotwStream } from './sotw-stream.ts'

const { cluster: CDS, endpoints: EDS, listener: LDS, route: RDS } = TypeUrl

/** The bytes spell name and version, so that responses can be read back. */
function resource(typeUrl: XdsType, name: string, version = '1'): XdsResource {
  return { typeUrl, name, version, bytes: Buffer.from(`${name}@${version}`), origins: [] }
}

function snapshotOf(resources: readonly XdsResource[]): XdsSnapshot {
  const snapshot = new Map<XdsType, Map<string, XdsResource>>()
  for (const entry of resources) {
    const byName = snapshot.get(entry.typeUrl) ?? new Map<string, XdsResource>()
    snapshot.set(entry.typeUrl, byName.set(entry.name, entry))
  }
  return snapshot
}

function openStream() {
  const stream = createSotwStream('s')
  const send = (
    typeUrl: string,
    request: Partial<Omit<DiscoveryRequest, '$typeName' | '$unknown'>> = {},
  ): DiscoveryResponse[] => {
    expect(stream.onRequest(create(DiscoveryRequestSchema, { typeUrl, ...request }), 1000)).toBeUndefined()
    return stream.take()
  }
  return {
    stream,
    send,
    ask: (typeUrl: string, resourceNames: string[]) => send(typeUrl, { resourceNames }),
    ack: (response: DiscoveryResponse | undefined, resourceNames: string[] = []) => {
      const { typeUrl = '', nonce = '', versionInfo = '' } = response ?? {}
      return send(typeUrl, { responseNonce: nonce, versionInfo, resourceNames })
    },
    nack: (response: DiscoveryResponse | undefined, message: string) => {
      const { typeUrl = '', nonce = '' } = response ?? {}
      return send(typeUrl, { responseNonce: nonce, errorDetail: create(StatusSchema, { message }) })
    },
    set: (revision: number, ...resources: readonly XdsResource[]) => {
      stream.setSnapshot({ snapshot: snapshotOf(resources), revision })
      return stream.take()
    },
  }
}

function texts(responses: readonly DiscoveryResponse[]): string[] {
  return responses.map(({ typeUrl, resources }) => {
    return [typeUrl.split('.').at(-1), ...resources.map(({ value }) => Buffer.from(value).toString())].join(' ')
  })
}

describe('state of the world', () => {
  test('CDS repeats everything on a change, and what it omits is removed', () => {
    const client = openStream()
    client.ack((client.set(1, resource(CDS, 'a'), resource(CDS, 'b')), client.send(CDS))[0])
    const [change] = client.set(2, resource(CDS, 'a', '2'), resource(CDS, 'c'))
    // Make-before-break: the removed cluster is repeated with the change and left out after it.
    expect(texts(change === undefined ? [] : [change])).toEqual(['Cluster a@2 c@1 b@1'])
    const [removal] = client.ack(change)
    expect(texts(removal === undefined ? [] : [removal])).toEqual(['Cluster a@2 c@1'])
    expect(client.ack(removal)).toEqual([])
  })

  test('EDS sends only what changed, and omission is no removal', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'), resource(EDS, 'b'))
    client.ack(client.ask(EDS, ['a', 'b'])[0], ['a', 'b'])
    const [change] = client.set(2, resource(EDS, 'a', '2'), resource(EDS, 'b'))
    expect(texts(change === undefined ? [] : [change])).toEqual(['ClusterLoadAssignment a@2'])
    client.ack(change, ['a', 'b'])
    expect(client.set(3, resource(EDS, 'a', '2'))).toEqual([])
  })

  test('names new in the list are sent though they were sent before', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'), resource(EDS, 'b'))
    client.ack(client.ask(EDS, ['a'])[0], ['a'])
    const [second] = client.ask(EDS, ['a', 'b'])
    expect(texts(second === undefined ? [] : [second])).toEqual(['ClusterLoadAssignment b@1'])
    client.ack(second, ['a', 'b'])
    client.ask(EDS, ['b'])
    expect(texts(client.ask(EDS, ['a', 'b']))).toEqual(['ClusterLoadAssignment a@1'])
  })

  test('the legacy wildcard ends when a name is given, and an empty list then means nothing', () => {
    const client = openStream()
    client.ack((client.set(1, resource(LDS, 'a'), resource(LDS, 'b')), client.send(LDS))[0])
    client.ack(client.ask(LDS, ['a'])[0], ['a'])
    client.ask(LDS, [])
    expect(client.set(2, resource(LDS, 'a', '2'), resource(LDS, 'b', '2'))).toEqual([])
  })

  test('a named listener that does not exist is answered by leaving it out', () => {
    const client = openStream()
    client.set(1)
    expect(texts(client.ask(LDS, ['missing']))).toEqual(['Listener'])
  })

  test('a stale nonce is no ACK, its list of names still stands', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'), resource(EDS, 'b'))
    const [first] = client.ask(EDS, ['a'])
    expect(client.send(EDS, { responseNonce: 'other.9', resourceNames: ['a', 'b'] })).toEqual([])
    expect(texts(client.ack(first, ['a', 'b']))).toEqual(['ClusterLoadAssignment b@1'])
  })

  test('after a NACK the last good version stands in for the refused one', () => {
    const client = openStream()
    client.ack((client.set(1, resource(CDS, 'a'), resource(CDS, 'b')), client.send(CDS))[0])
    const [bad] = client.set(2, resource(CDS, 'a', '2'), resource(CDS, 'b'))
    expect(client.nack(bad, 'cluster a: name: bad')).toEqual([])
    expect(client.stream.state().rejections[0]?.resources).toEqual(['a'])
    expect(texts(client.set(3, resource(CDS, 'a', '2'), resource(CDS, 'b', '2')))).toEqual(['Cluster a@1 b@2'])
  })

  test('the version means the contents, whatever the stream', () => {
    const versions = [1, 9].map((revision) => {
      const client = openStream()
      client.set(revision, resource(CDS, 'a'), resource(CDS, 'b'))
      return client.send(CDS)[0]?.versionInfo
    })
    expect(versions[0]).toHaveLength(16)
    expect(versions[0]).toBe(versions[1] ?? '')
  })

  test('a listener subscription is settled only when the routes it names were acknowledged', () => {
    const client = openStream()
    client.set(4, resource(LDS, 'l'), resource(RDS, 'r'))
    const [listeners] = client.send(LDS)
    const [routes] = (client.ask(RDS, ['r']), client.ack(listeners))
    expect(client.stream.state().acknowledgedRevision).toBe(-1)
    client.ack(routes, ['r'])
    expect(client.stream.state().acknowledgedRevision).toBe(4)
  })
})
