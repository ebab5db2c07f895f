import { labels } from '../../../resources/index.ts'
import {
  anything,
  boolean,
  filledText,
  integer,
  list,
  object,
  oneOf,
  optional,
  portNumber,
  required,
  text,
} from '../../../resources/schema/index.ts'
import { warnNotServed } from './validate.ts'

const tlsVersion = oneOf(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'])

const certificate = object({
  caCertificates: optional(text),
  privateKey: optional(text),
  serverCertificate: optional(text),
})

const tls = object({
  mode: optional(oneOf(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'])),
  httpsRedirect: optional(boolean),
  serverCertificate: optional(text),
  privateKey: optional(text),
  caCertificates: optional(text),
  caCrl: optional(text),
  caCertCredentialName: optional(text),
  credentialName: optional(text),
  credentialNames: optional(list(text)),
  tlsCertificates: optional(list(certificate)),
  subjectAltNames: optional(list(text)),
  verifyCertificateHash: optional(list(text)),
  verifyCertificateSpki: optional(list(text)),
  insecureSkipVerify: optional(boolean),
  minProtocolVersion: optional(tlsVersion),
  maxProtocolVersion: optional(tlsVersion),
  cipherSuites: optional(list(text)),
  ecdhCurves: optional(list(text)),
})

const server = object({
  name: optional(text),
  bind: optional(text),
  defaultEndpoint: optional(text),
  hosts: required(list(filledText)),
  port: required(
    object({
      number: required(portNumber),
      name: required(text),
      protocol: required(text),
      targetPort: optional(integer(0, 65_535)),
    }),
  ),
  tls: optional(tls),
})

/** Reads a Gateway. Its fields are checked and kept; serving it is a later version's work, of which a warning tells. */
export const gatewayReader = object({
  apiVersion: required(anything),
  kind: required(anything),
  metadata: required(anything),
  spec: required(object({ selector: optional(labels), servers: optional(list(server)) }, warnNotServed)),
  status: optional(anything),
})
