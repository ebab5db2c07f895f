import type { Clock } from '../base/index.ts'

/** How to start a control plane. */
export interface ControlPlaneOptions {
  /** Holds the store, the certificate authority, the API token and `control-plane.json`; made (0700) when absent. */
  readonly dataDir: string
  /** Port of the REST API; 0 picks a free one. Default 15014. */
  readonly apiPort?: number
  /** Port of ADS and certificate renewal; 0 picks a free one. Default 15012. */
  readonly xdsPort?: number
  /** Address that both bind, default `127.0.0.1`. */
  readonly address?: string
  /** SPIFFE trust domain, default `cluster.local`; fixed by the first start of a data directory. */
  readonly trustDomain?: string
  /** Default `sqlite`; `memory` forgets everything at the end (the certificate authority stays on disk). */
  readonly storeKind?: 'sqlite' | 'memory'
  /** Default the machine's. */
  readonly clock?: Clock
  /** Takes one line for each thing an operator should know; default standard error. */
  readonly log?: (line: string) => void
}

/** A control plane that runs. Disposing it closes both servers and the store, and removes `control-plane.json`. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:15014`. */
  readonly api: string
  /** `127.0.0.1:15012`. */
  readonly xds: string
  /** Path of the `control-plane.json` that clients find it by. */
  readonly serverFile: string
  readonly trustDomain: string
}
