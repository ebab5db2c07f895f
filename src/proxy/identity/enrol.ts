import { readFile } from 'node:fs/promises'
import { MeshError } from '../../base/index.ts'

/** A chain and bundle as an authority answered them; PEM, not yet checked. */
export interface IssuedCertificate {
  readonly certificateChain: string
  readonly trustBundle: string
}

/** Where the first certificate comes from. */
export interface EnrolmentSource {
  /** Base of the control plane's REST API: `https://127.0.0.1:15014`. */
  readonly caUrl: string
  /** PEM bundle that vouches for the API's certificate. */
  readonly caFile: string
  /** Single-use token. */
  readonly joinTokenFile: string
}

/** Longest time for one attempt. */
const timeoutMs = 10_000

/** Largest answer that is read, in characters. */
const maxAnswerLength = 256 * 1024

/**
 * Asks for the first certificate with a join token: `POST /v1/certificates`.
 *
 * @throws {MeshError} WEFT_PROXY_ENROL_REFUSED when the token or the request was refused (trying again is useless),
 *   WEFT_PROXY_ENROL when there was no usable answer.
 */
export async function requestFirstCertificate(
  source: EnrolmentSource,
  csr: string,
  signal: AbortSignal,
): Promise<IssuedCertificate> {
  const url = `${source.caUrl.replace(/\/+$/, '')}/v1/certificates`
  const joinToken = (await readInput(source.joinTokenFile)).trim()
  const ca = await readInput(source.caFile)
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ joinToken, csr }),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    tls: { ca },
  }).catch((cause: unknown) => {
    throw new MeshError('WEFT_PROXY_ENROL', `No answer from ${url}`, { cause })
  })
  const text = await response.text()
  if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) {
    throw new MeshError(
      'WEFT_PROXY_ENROL_REFUSED',
      `${url} refused the join token: ${response.status} ${text.slice(0, 500)}`,
    )
  }
  if (!response.ok || text.length > maxAnswerLength) {
    throw new MeshError('WEFT_PROXY_ENROL', `Expected a certificate from ${url}, got status ${response.status}`)
  }
  return parseAnswer(url, text)
}

async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new MeshError('WEFT_PROXY_ENROL_REFUSED', `Cannot read ${path}`, { cause })
  }
}

function parseAnswer(url: string, text: string): IssuedCertificate {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new MeshError('WEFT_PROXY_ENROL', `Expected JSON from ${url}`, { cause })
  }
  if (typeof body === 'object' && body !== null && 'certificateChain' in body && 'trustBundle' in body) {
    const { certificateChain, trustBundle } = body
    if (typeof certificateChain === 'string' && typeof trustBundle === 'string')
      return { certificateChain, trustBundle }
  }
  throw new MeshError('WEFT_PROXY_ENROL', `Expected certificateChain and trustBundle from ${url}`)
}
