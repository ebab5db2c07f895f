import 'reflect-metadata'
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509'
import { expect, test } from 'bun:test'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { createSigningRequest } from './signing-request.ts'

const subjectAltName = '2.5.29.17'

test.each([1, 60, 100, 220, 2_000])(
  'createSigningRequest() writes what an X.509 library reads and verifies, for a name of %d more characters',
  async (length) => {
    const spiffeId = `spiffe://cluster.local/ns/default/sa/${'a'.repeat(length)}`
    const { csr, privateKey } = await createSigningRequest(spiffeId)
    const request = new Pkcs10CertificateRequest(csr)
    expect(await request.verify()).toBe(true)
    expect(request.subject).toBe('')
    expect(request.extensions.map(({ type, critical }) => ({ type, critical }))).toEqual([
      { type: subjectAltName, critical: true },
    ])
    const names = request.extensions.find((extension) => extension instanceof SubjectAlternativeNameExtension)
    expect(names?.names.toJSON()).toEqual([{ type: 'url', value: spiffeId }])
    const ownPublicKey = createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'der' })
    expect(Buffer.from(request.publicKey.rawData)).toEqual(Buffer.from(ownPublicKey))
  },
)

test('createSigningRequest() makes a new key each time', async () => {
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/a'
  const [first, second] = await Promise.all([createSigningRequest(spiffeId), createSigningRequest(spiffeId)])
  expect(first.privateKey).not.toBe(second.privateKey)
})
