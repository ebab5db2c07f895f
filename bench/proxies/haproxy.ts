import { writeFileSync } from 'node:fs'

import { callerHeader, routePrefixes } from '../job.ts'
import { installed, type Pinned, startPinned, versionOf } from '../rig/process.ts'
import type { Contender, Setup } from '../scenario.ts'

interface Options {
  /** Requests share connections of HTTP/2 between the two proxies of a pair. */
  readonly multiplexed: boolean
  /** TCP is moved within the kernel. */
  readonly splice: boolean
}

interface Process {
  readonly name: string
  readonly bind: string
  readonly server: string
  /** The route table and retries of the side that calls. */
  readonly calls: boolean
  /** The authorization rule of the side that serves. */
  readonly authorizes: boolean
}

function run(setup: Setup, process: Process, splice: boolean): Pinned {
  const { name, bind, server } = process
  const path = `${setup.folder}/haproxy-${name}.cfg`
  const map = `${setup.folder}/haproxy-${name}.map`
  writeFileSync(map, routePrefixes.map((prefix) => `${prefix} out\n`).join(''))
  const tcp = setup.protocol === 'tcp'
  const rule = `http-request deny unless { req.hdr(${callerHeader.name}) -m str ${callerHeader.value} }`
  const route = !tcp && process.calls ? `use_backend %[path,map_beg(${map})]` : 'default_backend out'
  writeFileSync(
    path,
    `global
  maxconn 4000
  nbthread 1
  ssl-server-verify none
defaults
  mode ${tcp ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${tcp ? '' : 'http-reuse always'}
  ${splice ? 'option splice-request\n  option splice-response' : ''}
frontend in
  bind ${bind}
  ${!tcp && process.authorizes ? rule : ''}
  ${route}
backend out
  ${!tcp && process.calls ? 'retries 2\n  option redispatch\n  retry-on conn-failure empty-response' : ''}
  server s ${server}
`,
  )
  return startPinned(setup.core, ['haproxy', '-db', '-f', path])
}

function start(setup: Setup, { multiplexed, splice }: Options): readonly Pinned[] {
  const { pair, tls, protocol } = setup
  const grpc = protocol === 'grpc'
  const knownHttp2 = grpc ? ' proto h2' : ''
  const listen = `127.0.0.1:${setup.listenPort}`
  const backend = `127.0.0.1:${setup.backendPort}${knownHttp2}`
  const tls13 = 'ssl-min-ver TLSv1.3'
  if (pair === undefined) {
    const bind = tls === undefined ? listen : `${listen} ssl crt ${tls.combined} ${tls13} alpn h2,http/1.1`
    return [run(setup, { name: 'proxy', bind, server: backend, calls: true, authorizes: true }, splice)]
  }
  const { ca, combined } = pair.certificates
  const alpn = grpc || multiplexed ? ' alpn h2' : ''
  const server = `127.0.0.1:${pair.port} ssl crt ${combined} ca-file ${ca} verify none ${tls13}${alpn}`
  const bind = `127.0.0.1:${pair.port} ssl crt ${combined} ca-file ${ca} verify required ${tls13}${alpn}`
  return [
    run(setup, { name: 'client', bind: `${listen}${knownHttp2}`, server, calls: true, authorizes: false }, splice),
    run(setup, { name: 'server', bind, server: backend, calls: false, authorizes: true }, splice),
  ]
}

/** HAProxy, from Debian. */
export const haproxy: Contender = {
  name: 'haproxy',
  missing: () => (installed('haproxy') ? undefined : 'apt-get install haproxy'),
  version: () => versionOf(['haproxy', '-v'], /version ([\d.]+)/),
  start: (setup) => start(setup, { multiplexed: false, splice: false }),
}

/** HAProxy with HTTP/2 between the proxies of a pair, which it speaks when it is told to. */
export const haproxyMultiplexed: Contender = {
  ...haproxy,
  name: 'haproxy-h2',
  start: (setup) => start(setup, { multiplexed: true, splice: false }),
}

/** HAProxy when it is told to move bytes within the kernel, which it does not by default; for TCP only. */
export const haproxySplice: Contender = {
  ...haproxy,
  name: 'haproxy-splice',
  start: (setup) => start(setup, { multiplexed: false, splice: true }),
}
