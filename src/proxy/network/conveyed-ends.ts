import type { ConveyedEnds } from '../cluster/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** Who speaks to whom on an accepted connection, for a PROXY protocol header to an upstream. */
export function conveyedEnds({ remoteAddress, destinationAddress, destinationPort }: DownstreamInfo): ConveyedEnds {
  const colon = remoteAddress.lastIndexOf(':')
  return {
    source: {
      address: remoteAddress.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
      port: Number(remoteAddress.slice(colon + 1)),
    },
    destination: { address: destinationAddress, port: destinationPort },
  }
}
