import { writeFileSync } from 'node:fs'

/** PEM files of a mesh certificate authority and one leaf whose URI SAN is a SPIFFE id. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
  /** Certificate and key in one file, as HAProxy wants them. */
  readonly combined: string
}

/** Makes an ECDSA P-256 authority and leaf in `folder` with openssl. */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string): string => `${folder}/${name}`
  const openssl = (...argv: readonly string[]): void => {
    const run = Bun.spawnSync(['openssl', ...argv], { stderr: 'pipe' })
    if (run.exitCode !== 0) throw new Error(`openssl ${argv[0]} failed: ${run.stderr.toString()}`)
  }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/O=bench',
  )
  openssl('req', ...curve, '-keyout', file('leaf.key'), '-out', file('leaf.csr'), '-subj', '/O=bench')
  writeFileSync(
    file('leaf.ext'),
    'subjectAltName=URI:spiffe://cluster.local/ns/default/sa/bench\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n',
  )
  openssl(
    'x509',
    '-req',
    '-in',
    file('leaf.csr'),
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-out',
    file('leaf.pem'),
    '-days',
    '1',
    '-extfile',
    file('leaf.ext'),
  )
  const combined = Bun.spawnSync(['cat', file('leaf.pem'), file('leaf.key')]).stdout
  writeFileSync(file('combined.pem'), combined)
  return { ca: file('ca.pem'), certificate: file('leaf.pem'), key: file('leaf.key'), combined: file('combined.pem') }
}
