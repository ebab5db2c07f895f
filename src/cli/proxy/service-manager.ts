import { rename, rm, writeFile } from 'node:fs/promises'
import { openSocketSyscalls } from '../../net/index.ts'

/**
 * Tells systemd that this process is the service's main process and ready (sd_notify(3), `NOTIFY_SOCKET`); the unit needs
 * `Type=notify` and, for hot restarts, `NotifyAccess=all`. Does nothing without the variable.
 */
export function notifyServiceManager(env: Readonly<Record<string, string | undefined>>): void {
  const path = env['NOTIFY_SOCKET']
  if (path === undefined || path === '') return
  openSocketSyscalls()?.sendDatagram(path, `READY=1\nMAINPID=${process.pid}\n`)
}

/** Replaces a file by this process's id and, if there is more to say, a space and that. */
export async function writeOwnFile(path: string, more = ''): Promise<void> {
  const next = `${path}.${process.pid}`
  await writeFile(next, `${process.pid}${more === '' ? '' : ` ${more}`}\n`, { mode: 0o644 })
  // Who reads it while it is replaced finds the one or the other.
  await rename(next, path)
}

/** Removes a file that begins with this process's id; one that a successor wrote since then is left. */
export async function removeOwnFile(path: string): Promise<void> {
  const text = await Bun.file(path)
    .text()
    .catch(() => '')
  if (Number.parseInt(text, 10) === process.pid) await rm(path, { force: true })
}
