import { create } from '@bufbuild/protobuf'

import { StatusSchema } from '../src/xds/generated/google/rpc/status_pb.ts'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '../src/xds/generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl, type XdsResource, type XdsType } from '../src/xds/index.ts'
import { createDeltaStream } from '../src/xds/server/delta-stream.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const types: readonly XdsType[] = [TypeUrl.cluster, TypeUrl.endpoints, TypeUrl.listener, TypeUrl.route, TypeUrl.secret]
const names = ['a', 'b', 'c', 'd']

/** Steps of one input; more say nothing new. */
const maxSteps = 200

/** Rounds in which a client that accepts everything must be told all. */
const maxRounds = 100

type Held = Map<string, string>

/** What a snapshot holds is read from eight octets: a version for each name of each type, 0 for none. */
function snapshotFrom(bytes: Buffer): Map<XdsType, Map<string, XdsResource>> {
  return new Map(
    types.map((typeUrl, index) => {
      const octet = bytes[index] ?? 0
      const resources = names
        .map((name, at): XdsResource => {
          return { typeUrl, name, version: String((octet >> (2 * at)) & 3), bytes: new Uint8Array(), origins: [] }
        })
        .filter(({ version }) => version !== '0')
      return [typeUrl, new Map(resources.map((resource) => [resource.name, resource]))]
    }),
  )
}

/** A client that takes all it is told; the names that it refused once are not looked at. */
class Client {
  readonly stream = createDeltaStream('s')
  readonly held = new Map<string, Held>(types.map((type) => [type, new Map<string, string>()]))
  readonly wanted = new Map<XdsType, Set<string>>()
  readonly refused = new Set<string>()
  readonly inFlight: DeltaDiscoveryResponse[] = []
  snapshot = snapshotFrom(Buffer.alloc(0))
  responses = 0

  receive(): void {
    for (const response of this.stream.take()) {
      this.responses += 1
      const busy = this.inFlight.some(({ typeUrl }) => typeUrl === response.typeUrl)
      expectThat(!busy, `two responses of ${response.typeUrl} are in flight`)
      const type = types.find((typeUrl) => typeUrl === response.typeUrl)
      for (const { name } of response.resources) {
        expectThat(
          type !== undefined && this.wants(type, name),
          `${name} of ${response.typeUrl} is sent, and was not asked for`,
        )
      }
      this.inFlight.push(response)
    }
  }

  wants(type: XdsType, name: string): boolean {
    const wanted = this.wanted.get(type)
    return wanted !== undefined && (wanted.has('*') || wanted.has(name))
  }

  send(typeUrl: XdsType, subscribe: readonly string[], unsubscribe: readonly string[]): void {
    const wanted = this.wanted.get(typeUrl) ?? new Set()
    this.wanted.set(typeUrl, wanted)
    for (const name of subscribe) wanted.add(name)
    for (const name of unsubscribe) wanted.delete(name)
    const held = this.held.get(typeUrl)
    for (const name of held?.keys() ?? []) if (!this.wants(typeUrl, name)) held?.delete(name)
    const request = { typeUrl, resourceNamesSubscribe: [...subscribe], resourceNamesUnsubscribe: [...unsubscribe] }
    const fault = this.stream.onRequest(create(DeltaDiscoveryRequestSchema, request), 1000)
    expectThat(fault === undefined, `a request is refused: ${fault}`)
  }

  settle(index: number, accept: boolean): void {
    const [response] = this.inFlight.splice(index, 1)
    if (response === undefined) return
    const { typeUrl, nonce, resources, removedResources } = response
    const type = types.find((known) => known === typeUrl)
    const held = this.held.get(typeUrl)
    for (const { name, version } of resources) {
      if (!accept) this.refused.add(`${typeUrl} ${name}`)
      else if (type !== undefined && this.wants(type, name)) held?.set(name, version)
    }
    for (const name of removedResources) held?.delete(name)
    const detail = accept ? {} : { errorDetail: create(StatusSchema, { code: 3, message: 'no' }) }
    this.stream.onRequest(create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce: nonce, ...detail }), 1000)
  }

  /** Everything was accepted: what is held is what there is. */
  checkEnd(): void {
    for (const [type, wanted] of this.wanted) {
      const held = this.held.get(type) ?? new Map<string, string>()
      for (const name of names) {
        if (this.refused.has(`${type} ${name}`)) continue
        const due = wanted.has('*') || wanted.has(name) ? this.snapshot.get(type)?.get(name)?.version : undefined
        expectThat(held.get(name) === due, `${name} of ${type}: ${held.get(name)} is held, ${due} is due`)
      }
    }
  }
}

/** One step of two octets: what is done, and to what. */
function step(client: Client, action: number, operand: number, rest: Buffer): void {
  const type = types[operand % types.length] ?? TypeUrl.cluster
  const name = [...names, '*'][(operand >> 4) % 5] ?? 'a'
  switch (action % 8) {
    case 0:
    case 1:
      client.send(type, [name], [])
      break
    case 2:
      // A first request has names, or none would mean all of them.
      if (client.wanted.has(type)) client.send(type, [], [name])
      break
    case 3:
    case 4:
      client.settle(operand % (client.inFlight.length + 1), true)
      break
    case 5:
      client.settle(operand % (client.inFlight.length + 1), false)
      break
    case 6:
      client.snapshot = snapshotFrom(rest)
      client.stream.setSnapshot({ snapshot: client.snapshot, revision: 1 + client.responses })
      break
    default:
      if (!client.wanted.has(type)) break
      client.stream.onRequest(
        create(DeltaDiscoveryRequestSchema, { typeUrl: type, responseNonce: `old-${operand}` }),
        1000,
      )
  }
  client.receive()
}

/** Requests of a proxy in any order: whatever it said before, once it accepts all it holds what it asked for. */
export const adsStream: FuzzTarget = {
  name: 'ads-stream',
  seeds: [
    '060000640155000400000003000300',
    '0640ff55aaff1b00410142034306000155aa1b2d000203000300',
    '0040064055555555550300060000000000000300',
    '0040065555555555050006aaaaaaaaaa0300',
  ].map((text) => Buffer.from(text, 'hex')),
  dictionary: [
    '\x06\0\x55\x55\x55\x55\x55',
    '\x06\0\0\0\0\0\0',
    '\0\x40',
    '\0\0',
    '\x02\x40',
    '\x03\0',
    '\x05\0',
    '\x07\0',
  ],
  run(input) {
    const client = new Client()
    for (let at = 0; at + 1 < input.length && at < 2 * maxSteps; at += 2) {
      step(client, input[at] ?? 0, input[at + 1] ?? 0, input.subarray(at + 2))
    }
    client.snapshot = snapshotFrom(input.subarray(-5))
    client.stream.setSnapshot({ snapshot: client.snapshot, revision: 10_000 })
    client.receive()
    let rounds = 0
    for (; client.inFlight.length > 0 || client.stream.waiting(); rounds += 1) {
      expectThat(rounds < maxRounds, 'a client that accepts all is never done')
      if (client.inFlight.length === 0) client.stream.release()
      client.settle(0, true)
      client.receive()
    }
    client.checkEnd()
    return `${client.responses} ${client.refused.size} ${rounds} ${client.wanted.size}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(adsStream)
