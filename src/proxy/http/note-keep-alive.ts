import type { Head } from '../../wire/http1/index.ts'
import type { EndpointRuntime } from '../cluster/index.ts'

const timeoutParameter = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,6})"?(?:[,;\s]|$)/i

/** Tells the pool how long the endpoint keeps idle connections, if its response says so (`Keep-Alive: timeout=5`, RFC 2068 section 19.7.1.1). */
export function noteKeepAlive(head: Head, endpoint: EndpointRuntime | undefined): void {
  const seconds = timeoutParameter.exec(head.header('keep-alive') ?? '')?.[1]
  if (seconds !== undefined) endpoint?.announceKeepAlive?.(Number(seconds) * 1000)
}
