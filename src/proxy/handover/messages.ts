import type { SocketName } from '../../net/index.ts'

/** What a successor or worker says; one line of JSON each. */
export type HandoverMessage =
  | { readonly say: 'hello'; readonly pid: number }
  /** Answered with a {@link TakeAnswer}, and the descriptor beside it when there is one. */
  | { readonly say: 'take'; readonly socket: SocketName }
  | { readonly say: 'release'; readonly socket: SocketName }
  /** All listeners serve: the one before may go. */
  | { readonly say: 'ready' }
  /** It ends and never was ready. */
  | { readonly say: 'failed'; readonly reason: string }

/** `port` with a descriptor; nothing: open it yourself; `error`: nobody can open it. */
export interface TakeAnswer {
  readonly port?: number
  readonly error?: string
}

/** Longest line; longer ones end the connection. */
export const maxLineBytes = 4096

/** A reason longer than this is cut, so that its line stays short enough whatever its characters. */
export const maxReasonLength = 1500

/** Reads a line; undefined when it is no message. */
export function parseMessage(line: string): HandoverMessage | undefined {
  const value = parseObject(line)
  switch (value?.['say']) {
    case 'hello':
      return isWhole(value['pid']) && value['pid'] > 0 ? { say: 'hello', pid: value['pid'] } : undefined
    case 'ready':
      return { say: 'ready' }
    case 'failed':
      return typeof value['reason'] === 'string' ? { say: 'failed', reason: value['reason'] } : undefined
    case 'take':
    case 'release': {
      const socket = parseSocketName(value['socket'])
      return socket === undefined ? undefined : { say: value['say'], socket }
    }
    default:
      return undefined
  }
}

/** Reads an answer; an empty one when it is none. */
export function parseAnswer(line: string): TakeAnswer {
  const value = parseObject(line)
  const { port, error } = value ?? {}
  return {
    ...(isPort(port) ? { port } : {}),
    ...(typeof error === 'string' ? { error } : {}),
  }
}

function parseSocketName(value: unknown): SocketName | undefined {
  if (!isObject(value)) return undefined
  const { protocol, name, address, port } = value
  if ((protocol !== 'tcp' && protocol !== 'udp') || typeof name !== 'string') return undefined
  if (typeof address !== 'string' || !isPort(port)) return undefined
  return { protocol, name, address, port }
}

function isPort(value: unknown): value is number {
  return isWhole(value) && value >= 0 && value < 65_536
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // Not JSON: no message of ours.
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
