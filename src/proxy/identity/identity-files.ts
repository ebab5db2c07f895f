import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** What is kept on disk; PEM. */
export interface StoredIdentity {
  readonly privateKey: string
  readonly certificateChain: string
  readonly trustBundle: string
}

/** Where a proxy's key, certificate and trust bundle lie: `<directory>/{key,certificate,bundle}.pem`, 0600 in a 0700 directory. */
export interface IdentityFiles {
  /**
   * What may be on disk, most likely first; empty when there is nothing. A process that died between two renames leaves a
   * key of the next certificate or of the one before: the caller takes the pair that fits.
   */
  readonly load: () => Promise<readonly StoredIdentity[]>
  readonly save: (identity: StoredIdentity) => Promise<void>
}

/** Opens the files in `directory`, which is made when it is missing. */
export function createIdentityFiles(directory: string): IdentityFiles {
  const paths = {
    key: join(directory, 'key.pem'),
    nextKey: join(directory, 'key.next.pem'),
    certificate: join(directory, 'certificate.pem'),
    bundle: join(directory, 'bundle.pem'),
  }
  return {
    load: async () => {
      const [key, nextKey, certificateChain, trustBundle] = await Promise.all([
        readText(paths.key),
        readText(paths.nextKey),
        readText(paths.certificate),
        readText(paths.bundle),
      ])
      if (certificateChain === undefined || trustBundle === undefined) return []
      const keys = [key, nextKey].filter((text) => text !== undefined)
      return keys.map((privateKey) => ({ privateKey, certificateChain, trustBundle }))
    },
    save: async (identity) => {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await chmod(directory, 0o700)
      await writePrivate(paths.nextKey, identity.privateKey)
      await replace(paths.bundle, identity.trustBundle)
      await replace(paths.certificate, identity.certificateChain)
      await rename(paths.nextKey, paths.key)
    },
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Missing or unreadable is the same to a proxy that can ask for a new certificate.
    return undefined
  }
}

async function replace(path: string, text: string): Promise<void> {
  await writePrivate(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function writePrivate(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    // The mode above counts only when the file is made here.
    await file.chmod(0o600)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
