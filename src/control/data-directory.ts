import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MeshError } from '../base/index.ts'
import { type ServerFile, serverFileName } from './rest/index.ts'

/** Where the parts of a control plane's data lie; absolute paths. */
export interface DataDirectory {
  readonly storeFile: string
  readonly caDirectory: string
  readonly tokenFile: string
  readonly serverFile: string
  /** Bearer token of the REST API. */
  readonly token: string
}

/**
 * Makes the directory (0700) and the API token (0600, 256 random bits) where they are missing.
 *
 * @throws {MeshError} `WEFT_CONTROL_DATA_DIR` if the directory cannot be used.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const root = resolve(path)
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
    await chmod(root, 0o700)
    const tokenFile = join(root, 'token')
    return {
      storeFile: join(root, 'store.sqlite'),
      caDirectory: join(root, 'ca'),
      tokenFile,
      serverFile: join(root, serverFileName),
      token: await openToken(tokenFile),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('WEFT_CONTROL_DATA_DIR', `Cannot use the data directory ${root}: ${reason}`, { cause })
  }
}

async function openToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, 'utf8')).trim()
    if (token.length >= 32) return token
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
  }
  const token = randomBytes(32).toString('base64url')
  await replaceFile(path, `${token}\n`)
  return token
}

/** Tells clients on this machine where the control plane is. */
export async function writeServerFile(path: string, content: ServerFile): Promise<void> {
  await replaceFile(path, `${JSON.stringify(content, undefined, 2)}\n`)
}

/** Removes the server file, unless another control plane wrote its own over it. */
export async function removeServerFile(path: string, content: ServerFile): Promise<void> {
  try {
    const present: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (Bun.deepEquals(present, content)) await rm(path, { force: true })
  } catch {
    // Gone or unreadable: there is nothing of ours to remove.
  }
}

/** A reader sees the old file or the whole new one, never with wider permissions. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, path)
}
