import { existsSync, writeFileSync } from 'node:fs'

import { callerHeader, routePrefixes } from '../job.ts'
import type { Certificates } from '../rig/certificates.ts'
import { installed, type Pinned, startPinned, versionOf } from '../rig/process.ts'
import type { Contender, Setup } from '../scenario.ts'

/** The common part of every nginx configuration of the rig; one worker, no logs. */
export function nginxConfiguration(folder: string, name: string, http: string): string {
  return `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log /dev/null crit;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
${http}
}
`
}

/** Starts nginx with a configuration. */
export function startNginx(core: number, folder: string, name: string, http: string): Pinned {
  const path = `${folder}/${name}.conf`
  writeFileSync(path, nginxConfiguration(folder, name, http))
  return startPinned(core, ['nginx', '-c', path, '-p', folder])
}

/** nginx's TCP proxy is a module of its own in Debian. */
const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

function startStream({ listenPort, backendPort, folder, core }: Setup): Pinned {
  const path = `${folder}/stream.conf`
  writeFileSync(
    path,
    `load_module ${streamModule}; daemon off; worker_processes 1; pid ${folder}/stream.pid; error_log /dev/null crit;
events { worker_connections 4096; }
stream { server { listen 127.0.0.1:${listenPort}; proxy_pass 127.0.0.1:${backendPort}; } }
`,
  )
  return startPinned(core, ['nginx', '-c', path, '-p', folder])
}

interface Server {
  readonly listen: string
  readonly upstreamPort: number
  /** Directives for TLS on the side of the load, if any. */
  readonly serverTls: string
  /** Directives for TLS to the upstream, if any, named without `proxy_` or `grpc_`. */
  readonly clientTls: readonly string[]
  readonly grpc: boolean
  /** The route table and retries of the side that calls. */
  readonly calls: boolean
  /** The authorization rule of the side that serves. */
  readonly authorizes: boolean
}

function server(options: Server): string {
  const { grpc, clientTls } = options
  const [module, scheme] = grpc ? ['grpc', 'grpc'] : ['proxy', 'http']
  const pass = `${module}_pass ${scheme}${clientTls.length > 0 ? 's' : ''}://up;`
  const retries = `${module}_next_upstream error timeout http_503; ${module}_next_upstream_tries 3;`
  const variable = callerHeader.name.replaceAll('-', '_')
  return `upstream up { server 127.0.0.1:${options.upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${options.listen};
${options.serverTls}
${clientTls.map((directive) => `${module}_${directive};`).join(' ')}
${grpc ? '' : 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'}
${options.calls ? retries : ''}
${options.authorizes ? `if ($http_${variable} != ${callerHeader.value}) { return 403; }` : ''}
${(options.calls ? routePrefixes : ['/']).map((prefix) => `location ${prefix} { ${pass} }`).join('\n')}
}`
}

function start(setup: Setup): readonly Pinned[] {
  const { pair, tls, folder, core, listenPort, backendPort, protocol } = setup
  if (protocol === 'tcp') return [startStream(setup)]
  const grpc = protocol === 'grpc'
  const protocols = 'ssl_protocols TLSv1.3'
  const identity = (files: Certificates): string =>
    `ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key}; ${protocols};`
  const none = { grpc, serverTls: '', clientTls: [], calls: false, authorizes: false }
  if (pair === undefined) {
    const listen = tls === undefined ? String(listenPort) : `${listenPort} ssl http2`
    const serverTls = tls === undefined ? '' : identity(tls)
    const one = { ...none, listen, upstreamPort: backendPort, serverTls, calls: true, authorizes: true }
    return [startNginx(core, folder, 'proxy', server(one))]
  }
  const { ca, certificate, key } = pair.certificates
  const client = server({
    ...none,
    listen: grpc ? `${listenPort} http2` : String(listenPort),
    upstreamPort: pair.port,
    clientTls: [
      `ssl_certificate ${certificate}`,
      `ssl_certificate_key ${key}`,
      `ssl_trusted_certificate ${ca}`,
      'ssl_verify off',
      protocols,
      'ssl_session_reuse on',
    ],
    calls: true,
  })
  const serving = server({
    ...none,
    listen: `${pair.port} ssl${grpc ? ' http2' : ''}`,
    upstreamPort: backendPort,
    serverTls: `${identity(pair.certificates)} ssl_client_certificate ${ca}; ssl_verify_client on;`,
    authorizes: true,
  })
  return [startNginx(core, folder, 'client', client), startNginx(core, folder, 'server', serving)]
}

/** nginx, from Debian. */
export const nginx: Contender = {
  name: 'nginx',
  missing(scenario) {
    if (!installed('nginx')) return 'apt-get install nginx-light'
    return scenario !== 'tcp' || existsSync(streamModule) ? undefined : 'apt-get install libnginx-mod-stream'
  },
  version: () => versionOf(['nginx', '-v'], /nginx\/([\d.]+)/),
  start,
}
