import {
  type TlsParameters,
  TlsParameters_TlsProtocol as Version,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import type { TlsParams } from './tls-config.ts'

/** Suites of TLS 1.2 and before; those of TLS 1.3 cannot be chosen. */
const knownSuites: ReadonlySet<string> = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES128-SHA',
  'AES256-GCM-SHA384',
  'AES256-SHA',
])

/** TLS 1.2 to 1.3 by default on both sides; Envoy's clients stop at 1.2 by default. */
export function compileTlsParams(context: CompileContext, path: string, params: TlsParameters | undefined): TlsParams {
  const minVersion = params?.tlsMinimumProtocolVersion === Version.TLSv1_3 ? 'TLSv1.3' : 'TLSv1.2'
  const maxVersion = params?.tlsMaximumProtocolVersion === Version.TLSv1_2 ? 'TLSv1.2' : 'TLSv1.3'
  if (minVersion > maxVersion)
    context.faults.add(fieldPath(path, 'tls_maximum_protocol_version'), `Expected ${minVersion} at least`)
  const suites = params?.cipherSuites ?? []
  suites.forEach((suite, index) => {
    for (const name of alternatives(suite)) {
      if (!knownSuites.has(name))
        context.faults.add(`${path}.cipher_suites[${index}]`, `Expected a cipher suite of TLS 1.2, got ${name}`)
    }
  })
  return {
    minVersion,
    ...(maxVersion === 'TLSv1.2' ? { maxVersion } : {}),
    ...(suites.length === 0 ? {} : { cipherSuites: suites.join(':') }),
  }
}

/** `[A|B]`: suites of which the client's preference decides. */
function alternatives(suite: string): readonly string[] {
  return suite.startsWith('[') && suite.endsWith(']') ? suite.slice(1, -1).split('|') : [suite]
}
