import { checkCsr } from '../src/ca/csr-policy.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const spiffeId = 'spiffe://cluster.local/ns/default/sa/a'

/** Requests with a key on P-256: without names, with the name that is asked for, and with the rights of a CA. */
const requests = [
  'MIG6MGICAQAwADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPmC3F5in3mH3rY3ZE6nAL8LIqsXxN/Dv5ofxvK7Cfo8EJ39NKOyAxsAomnDnkSvSqJiLGq895CMblNXjuhUedmgADAKBggqhkjOPQQDAgNIADBFAiBZRnQI5PkVOL78gZZJqV6QFPF6RPpyWr3znihGpT8g3AIhANEINHBtR+fpNPi3L6Tzw2c64KgAMcUh8LLah2rLKv3t',
  'MIH/MIGmAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQHvOOIltxzYvCou/zIXEnRVAMjDULL4H3inzdCVcGEFkCLY9eI4PG0BBwCqYh/blDJUP5Le2Ixfm4QWS5AFjHxoEQwQgYJKoZIhvcNAQkOMTUwMzAxBgNVHREEKjAohiZzcGlmZmU6Ly9jbHVzdGVyLmxvY2FsL25zL2RlZmF1bHQvc2EvYTAKBggqhkjOPQQDAgNIADBFAiBrb7qHCqHnHEVJlmprUikP3bf8ACCsioMNPGt8sppzZwIhAOqCq/dgeDfGup/hguMH8WusyEGabn94fej7+hKnMZSw',
  'MIHaMIGBAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS+02jJYwNRhSzwgRK5nj6iTgtB2eVqjgrHO36SuF+E/GA6wGyqP6LHhYpi8lX0RWixFKzFQfc7X/59e58OVFaQoB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHRMEBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIHZsFVQ9mrUCCmCPStSPFbGfE2NkD6bp3rXkFGHF8BNwAiEAwqGpFdsDVdtTN8aGMN1OfmUlj1d71axP69WdWdFbxt8=',
]

/** The signed parts of those that may be granted: behind the three octets of the outer sequence's head. */
const signed = [98, 169].map((length, index) => Buffer.from(requests[index] ?? '', 'base64').subarray(3, 3 + length))

/** Requests for certificates that workloads send, DER: no fault is thrown, and what is changed is not signed. */
export const signingRequest: FuzzTarget = {
  name: 'signing-request',
  seeds: requests.map((text) => Buffer.from(text, 'base64')),
  dictionary: [
    '\x30\x82',
    '\x30\x80',
    '\x06\x03\x55\x1d\x11',
    '\xa0\x00',
    '\x02\x01\x00',
    '\x03\x42\x00\x04',
    '\x86\x26spiffe://',
    '\x01\x01\xff',
    '\0',
    '\x84\xff\xff\xff\xff',
  ],
  async run(input) {
    const text = input.toString('base64').replaceAll(/(.{64})/g, '$1\n')
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----\n`
    const result = await checkCsr(pem, spiffeId)
    if (result.ok) {
      expectThat(
        signed.some((bytes) => input.includes(bytes)),
        'a request that was changed is taken',
      )
      return 'ok'
    }
    const { message, code } = result.error
    expectThat(code === 'WEFT_CA_CSR' && message.length < 600 + input.length, `${code} ${message.length}`)
    return message.slice(24, 80)
  },
}

if (import.meta.main) await fuzzFromCommandLine(signingRequest)
