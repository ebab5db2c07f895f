import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The ports and processes of a running workload, for who wants to look at it (`run.json` in its state directory). */
export interface RunRecord {
  readonly id: string
  readonly service: string
  readonly version: string
  readonly supervisorPid: number
  readonly adminPort: number
  readonly httpProxyPort: number
  readonly ports: readonly { readonly port: number; readonly applicationPort: number; readonly meshPort: number }[]
  readonly upstreams: readonly { readonly host: string; readonly port: number; readonly loopbackPort: number }[]
  readonly ready: boolean
}

/** Where the state of one workload's proxy lies; see docs/architecture.md. */
export interface StateDirectory {
  readonly path: string
  readonly bootstrap: string
  readonly joinToken: string
  readonly caFile: string
  readonly sdsSocket: string
  readonly proxyLog: string
  readonly write: (file: string, text: string) => Promise<void>
  readonly writeRecord: (record: RunRecord) => Promise<void>
  readonly remove: () => Promise<void>
}

/** Name of the record in the state directory. */
export const runRecordName = 'run.json'

/** Makes the directory (0700) of a workload; every file in it is 0600. */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  const write = async (file: string, text: string) => {
    await writeFile(file, text, { mode: 0o600 })
    await chmod(file, 0o600)
  }
  return {
    path,
    bootstrap: join(path, 'bootstrap.yaml'),
    joinToken: join(path, 'join-token'),
    caFile: join(path, 'ca.pem'),
    sdsSocket: join(path, 'sds.sock'),
    proxyLog: join(path, 'proxy.log'),
    write,
    writeRecord: (record) => write(join(path, runRecordName), `${JSON.stringify(record, undefined, 2)}\n`),
    remove: () => rm(path, { recursive: true, force: true }),
  }
}
