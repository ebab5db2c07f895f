import { create, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'bun:test'
import { AddressSchema } from './generated/envoy/config/core/v3/address_pb.ts'
import { ClusterSchema, Cluster_DiscoveryType } from './generated/envoy/config/cluster/v3/cluster_pb.ts'
import {
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from './generated/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import { ClusterLoadAssignmentSchema } from './generated/envoy/config/endpoint/v3/endpoint_pb.ts'

test('fileDesc() gives a field the very descriptor that the file of its type exports', () => {
  expect(ClusterSchema.field.loadAssignment?.message).toBe(ClusterLoadAssignmentSchema)
  expect(ClusterLoadAssignmentSchema.field.endpoints?.message).toBe(LocalityLbEndpointsSchema)
  expect(LocalityLbEndpointsSchema.field.lbEndpoints?.message).toBe(LbEndpointSchema)
})

test('fileDesc() keeps names in JSON, and bytes and JSON go round', () => {
  const cluster = create(ClusterSchema, {
    name: 'reviews',
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(5_000),
    loadAssignment: {
      clusterName: 'reviews',
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: {
                  address: create(AddressSchema, {
                    address: {
                      case: 'socketAddress',
                      value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: 9080 } },
                    },
                  }),
                },
              },
            },
          ],
        },
      ],
    },
  })
  const json = toJson(ClusterSchema, cluster)
  const socketAddress = { address: '127.0.0.1', portValue: 9080 }
  expect(json).toEqual({
    name: 'reviews',
    type: 'STATIC',
    connectTimeout: '5s',
    loadAssignment: {
      clusterName: 'reviews',
      endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress } } }] }],
    },
  })
  expect(fromJson(ClusterSchema, json)).toEqual(cluster)
  expect(fromBinary(ClusterSchema, toBinary(ClusterSchema, cluster))).toEqual(cluster)
})
