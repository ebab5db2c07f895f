import 'reflect-metadata'
import { PemConverter, X509Certificate } from '@peculiar/x509'
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { CaError } from './ca-error.ts'
import { createRoot, rootAlgorithm } from './certificate-profile.ts'

/** The root with its key, which leaves neither this process nor its file. */
export interface Root {
  readonly certificate: X509Certificate
  readonly key: CryptoKey
  /** PEM file that clients trust. */
  readonly bundleFile: string
}

const rootLifetimeYears = 10

/**
 * Loads the root from `directory`, or makes it at the first start. Files: `root.key` (PKCS #8, 0600), `root.pem`, `bundle.pem`.
 * The certificate is written last, so a crash in between leaves a key without a certificate, which the next start replaces.
 *
 * @throws {CaError} `WEFT_CA_ROOT` if the files are unreadable, do not fit each other, or are of another trust domain.
 */
export async function openRoot(directory: string, trustDomain: string, now: number): Promise<Root> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  const certificateFile = join(directory, 'root.pem')
  const keyFile = join(directory, 'root.key')
  const bundleFile = join(directory, 'bundle.pem')
  const present = await readIfPresent(certificateFile)
  if (present === undefined) {
    const root = await makeRoot(trustDomain, now)
    const keyBytes = await crypto.subtle.exportKey('pkcs8', root.keys.privateKey)
    await writeAtomically(keyFile, `${PemConverter.encode(keyBytes, 'PRIVATE KEY')}\n`, 0o600)
    await writeAtomically(bundleFile, root.pem, 0o644)
    await writeAtomically(certificateFile, root.pem, 0o644)
    return { certificate: root.certificate, key: root.keys.privateKey, bundleFile }
  }
  const root = await loadRoot(certificateFile, present, keyFile)
  checkTrustDomain(root.certificate, trustDomain)
  if ((await readIfPresent(bundleFile)) === undefined) await writeAtomically(bundleFile, present, 0o644)
  return { ...root, bundleFile }
}

async function makeRoot(trustDomain: string, now: number) {
  const keys = await crypto.subtle.generateKey(rootAlgorithm, true, ['sign', 'verify'])
  const notAfter = new Date(now)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + rootLifetimeYears)
  // Backdated by a day: a machine whose clock is behind can still verify, and no leaf starts before its issuer.
  const certificate = await createRoot(keys, trustDomain, { notBefore: new Date(now - 86_400_000), notAfter })
  return { keys, certificate, pem: `${certificate.toString('pem')}\n` }
}

async function loadRoot(certificateFile: string, certificatePem: string, keyFile: string) {
  try {
    const certificate = new X509Certificate(certificatePem)
    const keyBytes = PemConverter.decodeFirst(await readFile(keyFile, 'utf8'))
    const key = await crypto.subtle.importKey('pkcs8', keyBytes, rootAlgorithm, false, ['sign'])
    const probe = new TextEncoder().encode('Weft root')
    const signature = await crypto.subtle.sign(rootAlgorithm, key, probe)
    const publicKey = await certificate.publicKey.export(rootAlgorithm, ['verify'])
    if (await crypto.subtle.verify(rootAlgorithm, publicKey, signature, probe)) return { certificate, key }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CaError('WEFT_CA_ROOT', `Cannot load the root from ${certificateFile} and ${keyFile}: ${reason}`, {
      cause,
    })
  }
  throw new CaError('WEFT_CA_ROOT', `The key in ${keyFile} does not belong to ${certificateFile}`)
}

function checkTrustDomain(certificate: X509Certificate, trustDomain: string): void {
  const wanted = `spiffe://${trustDomain}`
  const names = certificate.getExtension('2.5.29.17')?.toString('text') ?? ''
  if (!names.split(/[\s,]+/).includes(wanted)) {
    throw new CaError(
      'WEFT_CA_ROOT',
      `Expected a root for trust domain ${trustDomain}, the data directory's is another one`,
    )
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new CaError('WEFT_CA_ROOT', `Cannot read ${path}`, { cause })
  }
}

/** A reader sees the old file or the whole new one; the bytes are on the disk before the name points to them. */
async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`
  const handle = await open(temporary, 'w', mode)
  try {
    await handle.chmod(mode)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}
