/** Upstreams that are checked in other ways than by HTTP requests. */
import { Server, ServerCredentials, status as GrpcStatus, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Socket } from 'bun'
import { type Answer, CheckGate, type CheckedUpstream } from './check-gate.ts'

/** Starts an application that is checked by `PING` and answers `PONG`; anything else is a request in HTTP/1.1. */
export function startTcpUpstream(first: Answer): CheckedUpstream {
  const gate = new CheckGate(first)
  const give = (answer: Answer, socket: Socket): void => {
    if (answer === '200') socket.write('+PONG')
    else if (answer === '503') socket.write('-NO')
    else if (answer === 'close') socket.terminate()
  }
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: (socket, bytes) => {
        const text = bytes.toString()
        if (text.startsWith('PING')) gate.onCheck(text, (answer) => give(answer, socket))
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      },
    },
  })
  const { checks, hold, checked, answer } = gate
  return { port: listener.port, checks, hold, checked, answer, [Symbol.dispose]: () => listener.stop(true) }
}

/** Starts a gRPC server with `grpc.health.v1.Health`; other requests are answered 200 by the library, with a status of gRPC. */
export async function startGrpcUpstream(first: Answer): Promise<CheckedUpstream> {
  const gate = new CheckGate(first)
  const server = new Server()
  const implementation: UntypedServiceImplementation = {
    check: (
      call: { readonly request: string; readonly metadata: { getMap(): Record<string, unknown> }; getHost(): string },
      callback: (error: object | null, status?: number) => void,
    ) => {
      const metadata = Object.entries(call.metadata.getMap()).map(([name, value]) => `${name}: ${String(value)}`)
      const text = [call.request, call.getHost(), ...metadata.toSorted()].join('\n')
      gate.onCheck(text, (answer) => {
        if (answer === '200') callback(null, 1)
        else if (answer === '503') callback(null, 2)
        else if (answer === '500') callback({ code: GrpcStatus.UNIMPLEMENTED, details: 'no' })
      })
    },
  }
  const method = {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (name: string) => Buffer.from(name),
    requestDeserialize: (bytes: Buffer) => bytes.subarray(2).toString(),
    responseSerialize: (status: number) => Buffer.from([8, status]),
    responseDeserialize: (bytes: Buffer) => bytes[1] ?? 0,
  }
  server.addService({ check: method }, implementation)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const { checks, hold, checked, answer } = gate
  return { port, checks, hold, checked, answer, [Symbol.dispose]: () => server.forceShutdown() }
}
