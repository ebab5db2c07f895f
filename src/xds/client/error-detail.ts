import { create } from '@bufbuild/protobuf'
import { type Status, StatusSchema } from '../generated/google/rpc/status_pb.ts'
import type { ResourceFault } from './contract.ts'
import { GrpcStatus } from '../../wire/grpc/index.ts'

/** Characters of a NACK; a response with thousands of faults must not become a request of megabytes. */
const maxDetailLength = 16 * 1024

/** The `error_detail` of a NACK: one line `<type> <name>: <field path>: <message>` for each refused resource. */
export function errorDetail(typeUrl: string, faults: readonly ResourceFault[]): Status {
  const type = typeUrl.slice(typeUrl.lastIndexOf('.') + 1)
  let message = ''
  for (const [index, fault] of faults.entries()) {
    const line = `${index === 0 ? '' : '\n'}${type} ${fault.name}: ${fault.message}`
    if (message.length + line.length > maxDetailLength) {
      message += `\n${faults.length - index} more`
      break
    }
    message += line
  }
  return create(StatusSchema, { code: GrpcStatus.invalidArgument, message })
}
