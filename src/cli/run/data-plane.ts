import type { WorkloadResponse } from '../../control/rest/index.ts'
import type { Registration } from './registration.ts'
import type { StateDirectory } from './state-directory.ts'

/** What a data plane needs to know about its workload. */
export interface DataPlaneInput {
  readonly state: StateDirectory
  readonly registration: Registration
  /** Address of the REST API for the first certificate. */
  readonly apiUrl: string
  /** The identity that the ADS server presents. */
  readonly controlPlaneId: string
  /** How to start Weft again. */
  readonly self: readonly string[]
  readonly drainTimeoutMs: number
  readonly say: (text: string) => void
}

/** A proxy that can be started: Weft's own, or another that takes the same bootstrap. */
export interface DataPlane extends AsyncDisposable {
  /** What to run; called again before every restart. */
  readonly command: () => Promise<readonly string[]>
  /** What to add to the command to take over from the running one; absent: it cannot be replaced while it runs. */
  readonly successorArguments?: readonly string[]
}

/** Keeps the trust bundle and the single-use token where the proxy finds them. */
export async function writeCredentials(state: StateDirectory, response: WorkloadResponse): Promise<void> {
  await state.write(state.caFile, response.trustBundle)
  if (response.joinToken !== undefined) await state.write(state.joinToken, response.joinToken)
}

/** Weft's own proxy: it makes its key, asks for its certificate with the join token, and renews it itself. */
export async function openWeftDataPlane({
  state,
  registration,
  apiUrl,
  self,
  drainTimeoutMs,
}: DataPlaneInput): Promise<DataPlane> {
  await writeCredentials(state, registration.response)
  let starts = 0
  return {
    command: async () => {
      // A proxy that ended before it had its certificate may have used up its token: it needs another.
      if (starts++ > 0 && !(await Bun.file(`${state.path}/identity/certificate.pem`).exists())) {
        const token = await registration.newToken()
        if (token !== undefined) await state.write(state.joinToken, token)
      }
      return [
        ...self,
        'proxy',
        ...['-c', state.bootstrap],
        ...['--ca-url', apiUrl],
        ...['--ca-file', state.caFile],
        ...['--join-token-file', state.joinToken],
        ...['--spiffe-id', registration.response.spiffeId],
        ...['--state-dir', state.path],
        ...['--drain-timeout', `${drainTimeoutMs}ms`],
      ]
    },
    successorArguments: ['--hot-restart'],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
