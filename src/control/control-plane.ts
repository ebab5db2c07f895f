import { MeshError } from '../base/index.ts'
import type { ControlPlane, ControlPlaneOptions } from './options.ts'

/**
 * Starts a control plane: store, certificate authority, REST API, ADS. Resolves when both servers listen and
 * `control-plane.json` is written.
 *
 * @throws {MeshError} If a port is taken or the data directory cannot be used.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  throw new MeshError('WEFT_CONTROL_START', `Control plane for ${options.dataDir} is not wired yet`)
}
