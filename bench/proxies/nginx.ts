import { existsSync, writeFileSync } from 'node:fs'

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

function server(listen: string, upstream: string, scheme: string, tls: string): string {
  return `upstream up { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${listen};
location / { proxy_pass ${scheme}://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; ${tls} } }`
}

function start(setup: Setup): readonly Pinned[] {
  const { pair, folder, core } = setup
  const backend = String(setup.backendPort)
  if (setup.protocol === 'tcp') return [startStream(setup)]
  if (pair === undefined)
    return [startNginx(core, folder, 'proxy', server(String(setup.listenPort), backend, 'http', ''))]
  const { ca, certificate, key } = pair.certificates
  const client = `proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key}; proxy_ssl_trusted_certificate ${ca};
proxy_ssl_verify off; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;`
  const serverTls = `ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_client_certificate ${ca}; ssl_verify_client on; ssl_protocols TLSv1.3;`
  return [
    startNginx(core, folder, 'client', server(String(setup.listenPort), String(pair.port), 'https', client)),
    startNginx(core, folder, 'server', `${serverTls}\n${server(`${pair.port} ssl`, backend, 'http', '')}`),
  ]
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
