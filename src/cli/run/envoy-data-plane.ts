import { join } from 'node:path'
import { systemClock } from '../../base/index.ts'
import {
  createIdentityFiles,
  openWorkloadIdentity,
  requestFirstCertificate,
  type WorkloadCertificate,
} from '../../proxy/identity/index.ts'
import { createChannelCredentials, renewCertificate } from '../../xds/client/index.ts'
import { CliError } from '../cli-error.ts'
import { type DataPlane, type DataPlaneInput, writeCredentials } from './data-plane.ts'
import { startSdsServer } from './sds-server.ts'

/**
 * Merged over the bootstrap. Envoy refuses regular expressions of more than 100 instructions unless its runtime says
 * otherwise; `weft apply` lets patterns of 1,024 characters pass, and Weft's own proxy takes programs of this size.
 */
const runtimeOverlay = {
  layered_runtime: { layers: [{ name: 'weft', static_layer: { 're2.max_program_size.error_level': 10_000 } }] },
}

/**
 * Envoy with the same bootstrap: the supervisor makes the key, keeps the certificate renewed and hands both to Envoy over
 * a Unix socket.
 *
 * @throws {CliError} `WEFT_RUN_DATA_PLANE` if there is no Envoy.
 */
export async function openEnvoyDataPlane(input: DataPlaneInput): Promise<DataPlane> {
  const { state, registration, apiUrl, controlPlaneId, say } = input
  const envoy = Bun.which('envoy')
  if (envoy === null)
    throw new CliError(
      'WEFT_RUN_DATA_PLANE',
      'No envoy found on the PATH',
      'Install Envoy, or leave out --data-plane: Weft has its own proxy',
    )
  await using opened = new AsyncDisposableStack()
  await writeCredentials(state, registration.response)
  const { spiffeId, xdsAddress } = registration.response
  const ended = new AbortController()
  opened.defer(() => ended.abort())
  const sds = opened.use(await startSdsServer(state.sdsSocket))
  const credentials = (current: WorkloadCertificate) =>
    createChannelCredentials({
      address: xdsAddress,
      trustBundle: current.trustBundle,
      certificate: current,
      serverNames: [{ type: 'uri', kind: 'exact', value: controlPlaneId }],
    })
  opened.use(
    await openWorkloadIdentity({
      spiffeId,
      files: createIdentityFiles(join(state.path, 'identity')),
      enrol: (csr, signal) =>
        requestFirstCertificate({ caUrl: apiUrl, caFile: state.caFile, joinTokenFile: state.joinToken }, csr, signal),
      renew: (current, csr) => renewCertificate({ address: xdsAddress, credentials: credentials(current), csr }),
      onCertificate: sds.setCertificate,
      log: say,
      clock: systemClock,
      random: Math.random,
      signal: ended.signal,
    }),
  )
  const resources = opened.move()
  return {
    // Hot restart keeps shared memory by a number of its own choosing: several Envoys on one machine would meet there.
    command: () =>
      Promise.resolve([
        envoy,
        '-c',
        state.bootstrap,
        '--config-yaml',
        JSON.stringify(runtimeOverlay),
        '--disable-hot-restart',
        '--concurrency',
        '1',
        '--log-level',
        'warn',
      ]),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
