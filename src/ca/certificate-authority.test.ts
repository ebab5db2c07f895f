import 'reflect-metadata'
import {
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  BasicConstraintsExtension,
  type Extension,
} from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertificateAuthority, leafLifetimeMs, openCertificateAuthority } from './certificate-authority.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-ca-'))
const trustDomain = 'cluster.local'
const spiffeId = 'spiffe://cluster.local/ns/default/sa/bookinfo-reviews'
const minute = 60_000
let now = Date.now()
const clock = { now: () => now, monotonic: () => now }
let authority: CertificateAuthority
const open = (directory = join(root, 'ca'), domain = trustDomain) =>
  openCertificateAuthority({ directory, trustDomain: domain, clock })

beforeAll(async () => {
  authority = await open()
})
afterAll(() => rmSync(root, { recursive: true }))

function openssl(...args: string[]): { code: number; output: string } {
  const run = Bun.spawnSync(['openssl', ...args], { cwd: root })
  return { code: run.exitCode, output: run.stdout.toString() + run.stderr.toString() }
}

const ec = (namedCurve: string) => ({ name: 'ECDSA', namedCurve, hash: 'SHA-256' })

async function makeCsr(extensions: Extension[] = [], algorithm: EcdsaAlgorithm | RsaAlgorithm = ec('P-256')) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm, extensions })
  return csr.toString('pem')
}
type EcdsaAlgorithm = ReturnType<typeof ec>
const rsa = (modulusLength: number) => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
})
type RsaAlgorithm = ReturnType<typeof rsa>

async function issue(csr: string, id = spiffeId): Promise<string> {
  const issued = await authority.issue(csr, id)
  if (!issued.ok) throw issued.error
  return issued.value.certificateChain
}

describe('openCertificateAuthority()', () => {
  test('makes a root that openssl takes for a CA of ten years on P-256', () => {
    const { code, output } = openssl('x509', '-in', authority.bundleFile, '-noout', '-text')
    expect(code).toBe(0)
    expect(output).toContain('CA:TRUE, pathlen:0')
    expect(output).toContain('Certificate Sign, CRL Sign')
    expect(output).toContain('NIST CURVE: P-256')
    expect(output).toContain('URI:spiffe://cluster.local')
    const certificate = new X509Certificate(readFileSync(authority.bundleFile))
    const years = (Date.parse(certificate.validTo) - Date.now()) / (365.25 * 24 * 60 * minute)
    expect(years).toBeGreaterThan(9.9)
    expect(years).toBeLessThan(10.1)
  })

  test('keeps its key 0600 in a directory 0700', () => {
    expect(statSync(join(root, 'ca')).mode & 0o777).toBe(0o700)
    expect(statSync(join(root, 'ca/root.key')).mode & 0o777).toBe(0o600)
  })

  test('opens the same root again', async () => {
    expect((await open()).trustBundle).toBe(authority.trustBundle)
  })

  test('refuses the root of another trust domain', async () => {
    await expect(open(join(root, 'ca'), 'other.example')).rejects.toMatchObject({ code: 'WEFT_CA_ROOT' })
    // A domain that only starts the same is another one.
    await expect(open(join(root, 'ca'), 'cluster')).rejects.toMatchObject({ code: 'WEFT_CA_ROOT' })
  })

  test('refuses a key that does not belong to the certificate', async () => {
    const first = join(root, 'mixed')
    await open(first)
    await open(join(root, 'mixed-other'))
    chmodSync(join(first, 'root.key'), 0o600)
    writeFileSync(join(first, 'root.key'), readFileSync(join(root, 'mixed-other/root.key')))
    await expect(open(first)).rejects.toMatchObject({ code: 'WEFT_CA_ROOT' })
  })
})

describe('issue()', () => {
  test('gives a leaf that openssl verifies, with exactly the authorised SPIFFE id', async () => {
    writeFileSync(join(root, 'leaf.pem'), await issue(await makeCsr()))
    expect(
      openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', authority.bundleFile, 'leaf.pem').code,
    ).toBe(0)
    expect(
      openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', authority.bundleFile, 'leaf.pem').code,
    ).toBe(0)
    const { output } = openssl('x509', '-in', 'leaf.pem', '-noout', '-text')
    expect(output).toMatch(
      /X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster.local\/ns\/default\/sa\/bookinfo-reviews\n/,
    )
    expect(output).toMatch(/X509v3 Basic Constraints: critical\s+CA:FALSE/)
    expect(output).toMatch(/X509v3 Key Usage: critical\s+Digital Signature\n/)
    expect(output).toContain('TLS Web Server Authentication, TLS Web Client Authentication')
    expect(output).toMatch(/Subject: *\n/)
  })

  test('gives 24 hours, backdated by five minutes', async () => {
    const leaf = new X509Certificate(await issue(await makeCsr()))
    const second = 1000
    expect(Math.abs(Date.parse(leaf.validFrom) - (now - 5 * minute))).toBeLessThanOrEqual(second)
    expect(Math.abs(Date.parse(leaf.validTo) - (now + leafLifetimeMs))).toBeLessThanOrEqual(second)
    expect(leaf.verify(new X509Certificate(authority.trustBundle).publicKey)).toBe(true)
  })

  test('never goes beyond the root, and stops when that has expired', async () => {
    const rootEnd = Date.parse(new X509Certificate(authority.trustBundle).validTo)
    const before = now
    try {
      now = rootEnd - 60 * minute
      const leaf = new X509Certificate(await issue(await makeCsr()))
      expect(Date.parse(leaf.validTo)).toBe(rootEnd)
      now = rootEnd + 1
      expect(await authority.issue(await makeCsr(), spiffeId)).toMatchObject({
        error: { code: 'WEFT_CA_ROOT_EXPIRED' },
      })
    } finally {
      now = before
    }
  })

  test('gives each certificate its own serial number', async () => {
    const csr = await makeCsr()
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => new X509Certificate(await issue(csr)).serialNumber),
    )
    expect(new Set(serials).size).toBe(20)
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/)
  })

  const uri = (value: string) => new SubjectAlternativeNameExtension([{ type: 'url', value }])
  test.each<[string, () => Promise<string>]>([
    ['no name', () => makeCsr()],
    ['exactly the authorised name', () => makeCsr([uri(spiffeId)])],
    ['an RSA 2048 key', () => makeCsr([], rsa(2048))],
    ['a P-384 key', () => makeCsr([], ec('P-384'))],
  ])('signs a request with %s', async (_, csr) => {
    const leaf = new X509Certificate(await issue(await csr()))
    expect(leaf.subjectAltName).toBe(`URI:${spiffeId}`)
  })

  const tampered = async () => {
    const pem = await makeCsr([uri(spiffeId)])
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    // The last byte belongs to the signature.
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1
    return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  }
  test.each<[string, () => Promise<string>]>([
    ['another identity', () => makeCsr([uri('spiffe://cluster.local/ns/default/sa/admin')])],
    [
      'a second name',
      () =>
        makeCsr([
          new SubjectAlternativeNameExtension([
            { type: 'url', value: spiffeId },
            { type: 'dns', value: 'x' },
          ]),
        ]),
    ],
    ['a DNS name', () => makeCsr([new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])])],
    ['CA rights', () => makeCsr([new BasicConstraintsExtension(true, 0, true)])],
    ['a broken signature', tampered],
    ['a weak RSA key', () => makeCsr([], rsa(1024))],
    ['a P-521 key', () => makeCsr([], ec('P-521'))],
    ['no PEM', async () => 'hello'],
    ['a certificate instead', async () => authority.trustBundle],
    ['garbage in PEM', async () => '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'],
    ['too much text', async () => 'x'.repeat(20_000)],
  ])('refuses a request with %s', async (_, csr) => {
    expect(await authority.issue(await csr(), spiffeId)).toMatchObject({ ok: false, error: { code: 'WEFT_CA_CSR' } })
  })

  test.each([
    'spiffe://other.example/ns/a/sa/b',
    'spiffe://cluster.local',
    'spiffe://cluster.local/',
    'spiffe://cluster.local/a b',
    '',
  ])('refuses the identity %p', async (id) => {
    expect(await authority.issue(await makeCsr(), id)).toMatchObject({ error: { code: 'WEFT_CA_IDENTITY' } })
  })
})

describe('issueServer()', () => {
  test('gives a certificate for host names, addresses and the SPIFFE id, with its key', async () => {
    const id = 'spiffe://cluster.local/ns/weft-system/sa/control-plane'
    const issued = await authority.issueServer(id, ['localhost', '127.0.0.1'])
    writeFileSync(join(root, 'server.pem'), issued.certificateChain)
    const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', authority.bundleFile]
    expect(openssl(...verify, '-verify_hostname', 'localhost', 'server.pem').code).toBe(0)
    expect(openssl(...verify, '-verify_ip', '127.0.0.1', 'server.pem').code).toBe(0)
    expect(openssl(...verify, '-verify_hostname', 'example.com', 'server.pem').code).not.toBe(0)
    const leaf = new X509Certificate(issued.certificateChain)
    expect(leaf.subjectAltName).toContain(`URI:${id}`)
    const { createPrivateKey } = await import('node:crypto')
    expect(leaf.checkPrivateKey(createPrivateKey(issued.privateKey))).toBe(true)
  })
})
