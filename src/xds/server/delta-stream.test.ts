import { describe, expect, test } from 'bun:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { StatusSchema } from '../generated/google/rpc/status_pb.ts'
import { Cluster_DiscoveryType, ClusterSchema } from '../generated/envoy/config/cluster/v3/cluster_pb.ts'
import { VirtualHostSchema } from '../generated/envoy/config/route/v3/route_components_pb.ts'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl, type XdsType } from '../names.ts'
import type { XdsResource, XdsSnapshot } from '../resource.ts'
import { createDeltaStream } from './delta-stream.ts'

const { cluster: CDS, endpoints: EDS, listener: LDS, route: RDS, virtualHost: VHDS, secret: SDS } = TypeUrl

function resource(typeUrl: XdsType, name: string, version = '1', bytes = new Uint8Array()): XdsResource {
  return { typeUrl, name, version, bytes, origins: [] }
}

function edsCluster(name: string, version = '1'): XdsResource {
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  })
  return resource(CDS, name, version, toBinary(ClusterSchema, message))
}

function host(authority: string, cluster: string, version = '1'): XdsResource {
  const message = create(VirtualHostSchema, {
    name: authority,
    domains: [authority],
    routes: [{ action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } } }],
  })
  return resource(VHDS, `http_proxy/${authority}`, version, toBinary(VirtualHostSchema, message))
}

function snapshotOf(...resources: readonly XdsResource[]): XdsSnapshot {
  const snapshot = new Map<XdsType, Map<string, XdsResource>>()
  for (const entry of resources) {
    const byName = snapshot.get(entry.typeUrl) ?? new Map<string, XdsResource>()
    snapshot.set(entry.typeUrl, byName.set(entry.name, entry))
  }
  return snapshot
}

/** A client that sends requests by hand and prints responses as short texts. */
function openStream() {
  const stream = createDeltaStream('s')
  const send = (
    typeUrl: string,
    request: Partial<Omit<DeltaDiscoveryRequest, '$typeName' | '$unknown'>> = {},
  ): DeltaDiscoveryResponse[] => {
    expect(stream.onRequest(create(DeltaDiscoveryRequestSchema, { typeUrl, ...request }), 1000)).toBeUndefined()
    return stream.take()
  }
  return {
    stream,
    send,
    subscribe: (typeUrl: string, names: string[]) => send(typeUrl, { resourceNamesSubscribe: names }),
    ack: (response: DeltaDiscoveryResponse | undefined) => {
      return send(response?.typeUrl ?? '', { responseNonce: response?.nonce ?? '' })
    },
    nack: (response: DeltaDiscoveryResponse | undefined, message: string) => {
      const errorDetail = create(StatusSchema, { code: 3, message })
      return send(response?.typeUrl ?? '', { responseNonce: response?.nonce ?? '', errorDetail })
    },
    set: (revision: number, ...resources: readonly XdsResource[]) => {
      stream.setSnapshot({ snapshot: snapshotOf(...resources), revision })
      return stream.take()
    },
  }
}

function texts(responses: readonly DeltaDiscoveryResponse[]): string[] {
  return responses.map((response) => {
    const added = response.resources.map(({ name, version, resource: value }) => {
      return value === undefined ? `?${name}` : `${name}@${version}`
    })
    const removed = response.removedResources.map((name) => `-${name}`)
    return [response.typeUrl.split('.').at(-1), ...added, ...removed].join(' ')
  })
}

/** Acknowledges everything that arrives until nothing does; answers what arrived, in order. */
function acknowledgeAll(client: ReturnType<typeof openStream>, responses: readonly DeltaDiscoveryResponse[]): string[] {
  const seen: string[] = []
  const queue = [...responses]
  for (let response = queue.shift(); response !== undefined; response = queue.shift()) {
    seen.push(...texts([response]))
    queue.push(...client.ack(response))
  }
  return seen
}

describe('subscriptions', () => {
  test('a first CDS request without names takes everything', () => {
    const client = openStream()
    client.set(1, resource(CDS, 'a'), resource(CDS, 'b'))
    expect(texts(client.send(CDS))).toEqual(['Cluster a@1 b@1'])
  })

  test('endpoints that the client asks for do not wait for its acknowledgement of their cluster', () => {
    const client = openStream()
    client.set(1, edsCluster('a'), resource(EDS, 'a'))
    expect(texts(client.send(CDS))).toEqual(['Cluster a@1'])
    expect(texts(client.subscribe(EDS, ['a']))).toEqual(['ClusterLoadAssignment a@1'])
  })

  test('endpoints are sent again with a changed cluster that they belong to', () => {
    const client = openStream()
    client.set(1, edsCluster('a'), resource(EDS, 'a'))
    const [clusters] = client.send(CDS)
    client.ack(clusters)
    const [endpoints] = client.subscribe(EDS, ['a'])
    client.ack(endpoints)
    expect(texts(client.set(2, edsCluster('a', '2'), resource(EDS, 'a')))).toEqual([
      'Cluster a@2',
      'ClusterLoadAssignment a@1',
    ])
  })

  test('a first EDS request without names takes nothing', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'))
    expect(texts(client.send(EDS))).toEqual([])
  })

  test('a wildcard over nothing is answered with an empty response', () => {
    const client = openStream()
    client.set(1)
    expect(texts(client.send(LDS))).toEqual(['Listener'])
  })

  test('requests before the first snapshot wait for it', () => {
    const client = openStream()
    expect(client.send(CDS)).toEqual([])
    expect(texts(client.set(1, resource(CDS, 'a')))).toEqual(['Cluster a@1'])
  })

  test('* mixes with names and ends by unsubscribing', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'), resource(EDS, 'b'))
    client.ack(client.subscribe(EDS, ['*', 'a'])[0])
    client.send(EDS, { resourceNamesUnsubscribe: ['*'] })
    expect(texts(client.set(2, resource(EDS, 'a', '2'), resource(EDS, 'b', '2')))).toEqual([
      'ClusterLoadAssignment a@2',
    ])
  })

  test('an unsubscribed name under a wildcard is told what it is now', () => {
    const client = openStream()
    client.set(1, resource(CDS, 'a'))
    client.ack(client.subscribe(CDS, ['*', 'a', 'gone'])[0])
    const [first] = client.send(CDS, { resourceNamesUnsubscribe: ['a'] })
    expect(texts(first === undefined ? [] : [first])).toEqual(['Cluster a@1'])
    client.ack(first)
    expect(texts(client.send(CDS, { resourceNamesUnsubscribe: ['gone'] }))).toEqual(['Cluster -gone'])
  })

  test('subscribing again is answered though nothing changed', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'))
    client.ack(client.subscribe(EDS, ['a'])[0])
    expect(texts(client.subscribe(EDS, ['a']))).toEqual(['ClusterLoadAssignment a@1'])
  })

  test('what was unsubscribed is not sent again', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'))
    client.ack(client.subscribe(EDS, ['a'])[0])
    client.send(EDS, { resourceNamesUnsubscribe: ['a'] })
    expect(client.set(2, resource(EDS, 'a', '2'))).toEqual([])
  })

  test('a resource that does not exist is answered as removed, once', () => {
    const client = openStream()
    client.set(1)
    const [response] = client.subscribe(EDS, ['missing'])
    expect(texts(response === undefined ? [] : [response])).toEqual(['ClusterLoadAssignment -missing'])
    expect(client.ack(response)).toEqual([])
    expect(texts(client.set(2, resource(EDS, 'missing')))).toEqual(['ClusterLoadAssignment missing@1'])
  })

  test('a type that is not served answers that its resources do not exist', () => {
    const client = openStream()
    client.set(1)
    expect(texts(client.subscribe('type.googleapis.com/envoy.service.runtime.v3.Runtime', ['r']))).toEqual([
      'Runtime -r',
    ])
  })

  test('requests without a type, with overlong names or with too many types are refused', () => {
    const { stream } = openStream()
    expect(stream.onRequest(create(DeltaDiscoveryRequestSchema, {}), 0)).toContain('type_url')
    const long = create(DeltaDiscoveryRequestSchema, { typeUrl: EDS, resourceNamesSubscribe: ['x'.repeat(5000)] })
    expect(stream.onRequest(long, 0)).toContain('5000 characters')
    const faults = Array.from({ length: 70 }, (_, index) => {
      return stream.onRequest(create(DeltaDiscoveryRequestSchema, { typeUrl: `type/${index}` }), 0)
    })
    expect(faults.at(-1)).toContain('Too many resource types')
  })
})

describe('reconnecting', () => {
  test('with initial_resource_versions only differences and removals are sent', () => {
    const client = openStream()
    client.set(5, resource(CDS, 'same'), resource(CDS, 'changed', '2'), resource(CDS, 'new'))
    const responses = client.send(CDS, { initialResourceVersions: { same: '1', changed: '1', gone: '1' } })
    expect(acknowledgeAll(client, responses)).toEqual(['Cluster changed@2 new@1', 'Cluster -gone'])
  })

  test('what a reconnecting client holds stays until the snapshot accounts for the hosts that it asks for', () => {
    const client = openStream()
    const held = { resourceNamesSubscribe: ['*'], initialResourceVersions: { a: '1', gone: '1' } }
    const set = (revision: number, authorities: readonly string[], ...resources: readonly XdsResource[]) => {
      client.stream.setSnapshot({ snapshot: snapshotOf(...resources), revision, authorities: new Set(authorities) })
      return texts(client.stream.take())
    }
    expect(client.send(CDS, held)).toEqual([])
    expect(set(1, [])).toEqual([])
    expect(client.stream.waiting()).toBe(true)
    const versions = { 'http_proxy/a:80': '1' }
    const hosts = { resourceNamesSubscribe: ['http_proxy/a:80'], initialResourceVersions: versions }
    expect(client.send(VHDS, hosts)).toEqual([])
    expect(set(1, ['a:80'], resource(CDS, 'a'), host('a:80', 'a'))).toEqual(['Cluster -gone'])
  })

  test('what a reconnecting client holds and never asks hosts for is removed on release', () => {
    const client = openStream()
    client.send(CDS, { resourceNamesSubscribe: ['*'], initialResourceVersions: { gone: '1' } })
    client.stream.setSnapshot({ snapshot: snapshotOf(), revision: 1, authorities: new Set() })
    expect(client.stream.take()).toEqual([])
    client.stream.release()
    expect(texts(client.stream.take())).toEqual(['Cluster -gone'])
  })

  test('with everything up to date nothing is sent and the revision counts as acknowledged', () => {
    const client = openStream()
    client.set(5, resource(CDS, 'a'), resource(LDS, 'l'), resource(EDS, 'e'))
    expect(client.send(CDS, { initialResourceVersions: { a: '1' } })).toEqual([])
    const named = { resourceNamesSubscribe: ['e'], initialResourceVersions: { e: '1' } }
    expect(client.send(EDS, named)).toEqual([])
    expect(client.send(LDS, { initialResourceVersions: { l: '1' } })).toEqual([])
    expect(client.stream.state().acknowledgedRevision).toBe(5)
  })

  test('a control plane that came back with other versions sends what differs', () => {
    const client = openStream()
    client.set(1, resource(CDS, 'a', 'older'))
    expect(texts(client.send(CDS, { initialResourceVersions: { a: 'newer' } }))).toEqual(['Cluster a@older'])
  })
})

describe('acknowledgements', () => {
  test('a stale nonce counts neither as ACK nor as NACK, its subscriptions do', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'), resource(EDS, 'b'))
    const [response] = client.subscribe(EDS, ['a'])
    client.send(EDS, { responseNonce: 'other.1', resourceNamesSubscribe: ['b'] })
    expect(client.stream.state().types.find(({ typeUrl }) => typeUrl === EDS)).toMatchObject({
      state: 'sent',
      resources: 0,
    })
    expect(texts(client.ack(response))).toEqual(['ClusterLoadAssignment b@1'])
  })

  test('a NACK is known by error_detail, refused versions are not sent again, others of the batch count', () => {
    const client = openStream()
    const [response] = (client.set(1, resource(CDS, 'good'), resource(CDS, 'bad')), client.send(CDS))
    expect(client.nack(response, 'cluster bad: connect_timeout: must be positive')).toEqual([])
    expect(client.stream.state().rejections).toEqual([
      {
        typeUrl: CDS,
        resources: ['bad'],
        message: 'cluster bad: connect_timeout: must be positive',
        origins: [],
        at: 1000,
      },
    ])
    expect(client.set(2, resource(CDS, 'good'), resource(CDS, 'bad'))).toEqual([])
    expect(texts(client.set(3, resource(CDS, 'good'), resource(CDS, 'bad', '2')))).toEqual(['Cluster bad@2'])
    expect(client.stream.state().rejections).toEqual([])
  })

  test('a NACK that names nothing refuses the whole response', () => {
    const client = openStream()
    const [response] = (client.set(1, resource(CDS, 'a'), resource(CDS, 'b')), client.send(CDS))
    client.nack(response, 'no')
    expect(client.stream.state().rejections[0]?.resources).toEqual(['a', 'b'])
    expect(client.stream.state().types[0]?.state).toBe('rejected')
  })

  test('a refused version that is asked for again by name is sent again', () => {
    const client = openStream()
    client.set(1, resource(EDS, 'a'))
    client.nack(client.subscribe(EDS, ['a'])[0], 'no')
    expect(texts(client.subscribe(EDS, ['a']))).toEqual(['ClusterLoadAssignment a@1'])
  })

  test('changes during a response in flight follow after its acknowledgement, gathered', () => {
    const client = openStream()
    client.set(1, resource(CDS, 'a'))
    const [response] = client.send(CDS)
    expect(client.set(2, resource(CDS, 'a', '2'))).toEqual([])
    expect(client.set(3, resource(CDS, 'a', '3'), resource(CDS, 'b'))).toEqual([])
    expect(texts(client.ack(response))).toEqual(['Cluster a@3 b@1'])
  })

  test('acknowledgedRevision is the newest wholly acknowledged one and waits for rejections to be mended', () => {
    const client = openStream()
    client.set(7, resource(CDS, 'a'), resource(LDS, 'l'))
    const [clusters] = client.send(CDS)
    const [listeners] = (client.send(LDS), client.ack(clusters))
    expect(client.stream.state().acknowledgedRevision).toBe(-1)
    client.ack(listeners)
    expect(client.stream.state().acknowledgedRevision).toBe(7)
    expect(client.set(8, resource(CDS, 'a'), resource(LDS, 'l'))).toEqual([])
    expect(client.stream.state().acknowledgedRevision).toBe(8)
    client.nack(client.set(9, resource(CDS, 'a'), resource(LDS, 'l', '2'))[0], 'listener l: address: taken')
    expect(client.stream.state().acknowledgedRevision).toBe(8)
    client.set(10, resource(CDS, 'a'), resource(LDS, 'l'))
    expect(client.stream.state().acknowledgedRevision).toBe(10)
  })
})

describe('order', () => {
  const everything = [
    resource(VHDS, 'http_proxy/a'),
    resource(RDS, 'http_proxy'),
    resource(LDS, 'l'),
    resource(SDS, 's'),
    resource(EDS, 'e'),
    resource(CDS, 'c'),
  ]

  function subscribed() {
    const client = openStream()
    client.subscribe(VHDS, ['http_proxy/a'])
    client.subscribe(RDS, ['http_proxy'])
    client.send(LDS)
    client.subscribe(SDS, ['s'])
    client.subscribe(EDS, ['e'])
    client.send(CDS)
    return client
  }

  test('additions leave as CDS, EDS, SDS, LDS, RDS, VHDS, each after the acknowledgement of the one before', () => {
    const client = subscribed()
    const first = client.set(1, ...everything)
    expect(texts(first)).toEqual(['Cluster c@1'])
    expect(acknowledgeAll(client, first)).toEqual([
      'Cluster c@1',
      'ClusterLoadAssignment e@1',
      'Secret s@1',
      'Listener l@1',
      'RouteConfiguration http_proxy@1',
      'VirtualHost http_proxy/a@1',
    ])
  })

  test('removals come last and in the reverse order', () => {
    const client = subscribed()
    acknowledgeAll(client, client.set(1, ...everything))
    expect(acknowledgeAll(client, client.set(2, resource(CDS, 'other')))).toEqual([
      'Cluster other@1',
      'VirtualHost -http_proxy/a',
      'RouteConfiguration -http_proxy',
      'Listener -l',
      'Secret -s',
      'ClusterLoadAssignment -e',
      'Cluster -c',
    ])
  })

  test('a missing acknowledgement holds back later types until release', () => {
    const client = subscribed()
    client.set(1, ...everything)
    expect(client.stream.take()).toEqual([])
    expect(client.stream.waiting()).toBe(true)
    client.stream.release()
    expect(texts(client.stream.take())).toEqual([
      'ClusterLoadAssignment e@1',
      'Secret s@1',
      'Listener l@1',
      'RouteConfiguration http_proxy@1',
      'VirtualHost http_proxy/a@1',
    ])
    expect(client.stream.waiting()).toBe(false)
  })

  test('a virtual host waits for the endpoints of the EDS clusters it names', () => {
    const client = openStream()
    client.send(CDS)
    client.subscribe(VHDS, ['http_proxy/a:80'])
    const [clusters] = client.set(1, edsCluster('c'), resource(EDS, 'c'), host('a:80', 'c'))
    expect(client.ack(clusters)).toEqual([])
    expect(client.stream.waiting()).toBe(true)
    const [endpoints] = client.subscribe(EDS, ['c'])
    expect(texts(client.ack(endpoints))).toEqual(['VirtualHost http_proxy/a:80@1'])
  })

  test('a virtual host of a client that never asks for endpoints leaves on release', () => {
    const client = openStream()
    client.send(CDS)
    client.subscribe(VHDS, ['http_proxy/a:80'])
    client.ack(client.set(1, edsCluster('c'), resource(EDS, 'c'), host('a:80', 'c'))[0])
    client.stream.release()
    expect(texts(client.stream.take())).toEqual(['VirtualHost http_proxy/a:80@1'])
  })

  test('a client that asks for clusters by name gets routes first', () => {
    const client = openStream()
    client.subscribe(VHDS, ['http_proxy/a:80'])
    expect(texts(client.set(1, edsCluster('c'), resource(EDS, 'c'), host('a:80', 'c')))).toEqual([
      'VirtualHost http_proxy/a:80@1',
    ])
  })

  test('a cluster stays until no route names it', () => {
    const client = openStream()
    client.send(CDS)
    client.subscribe(EDS, ['old', 'new'])
    client.subscribe(VHDS, ['http_proxy/a'])
    acknowledgeAll(client, client.set(1, edsCluster('old'), resource(EDS, 'old'), host('a', 'old')))
    const moved = client.set(2, edsCluster('new'), resource(EDS, 'new'), host('a', 'new', '2'))
    expect(acknowledgeAll(client, moved)).toEqual([
      'Cluster new@1',
      'ClusterLoadAssignment new@1',
      'VirtualHost http_proxy/a@2',
      'ClusterLoadAssignment -old',
      'Cluster -old',
    ])
  })

  test('a large answer is cut into parts, each acknowledged', () => {
    const client = openStream()
    const big = Array.from({ length: 5 }, (_, index) => resource(EDS, `e${index}`, '1', new Uint8Array(1024 * 1024)))
    const seen = acknowledgeAll(client, (client.set(1, ...big), client.subscribe(EDS, ['*'])))
    expect(seen).toEqual([
      'ClusterLoadAssignment e0@1 e1@1',
      'ClusterLoadAssignment e2@1 e3@1',
      'ClusterLoadAssignment e4@1',
    ])
  })
})

describe('virtual hosts on demand', () => {
  test('a host that no snapshot accounts for yet stays unanswered', () => {
    const client = openStream()
    client.stream.setSnapshot({ snapshot: snapshotOf(), revision: 1, authorities: new Set() })
    expect(client.subscribe(VHDS, ['http_proxy/A:80'])).toEqual([])
    expect([...client.stream.authorities()]).toEqual(['a:80'])
    client.stream.setSnapshot({ snapshot: snapshotOf(), revision: 1, authorities: new Set(['a:80']) })
    expect(texts(client.stream.take())).toEqual(['VirtualHost ?http_proxy/A:80'])
  })

  test('a first request without names is answered with a removal under the route configuration', () => {
    const client = openStream()
    client.set(1, resource(RDS, 'http_proxy'))
    const [routes] = client.subscribe(RDS, ['http_proxy'])
    expect(client.send(VHDS)).toEqual([])
    expect(texts(client.ack(routes))).toEqual(['VirtualHost -http_proxy/'])
  })

  test('too many hosts end the stream', () => {
    const { stream } = openStream()
    const names = Array.from({ length: 10_001 }, (_, index) => `http_proxy/h${index}`)
    const request = create(DeltaDiscoveryRequestSchema, { typeUrl: VHDS, resourceNamesSubscribe: names })
    expect(stream.onRequest(request, 0)).toContain('on demand')
  })
})
