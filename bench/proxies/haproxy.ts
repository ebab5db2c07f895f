import { writeFileSync } from 'node:fs'

import { installed, type Pinned, startPinned, versionOf } from '../rig/process.ts'
import type { Contender, Setup } from '../scenario.ts'

function run(setup: Setup, name: string, bind: string, server: string, more = ''): Pinned {
  const path = `${setup.folder}/haproxy-${name}.cfg`
  writeFileSync(
    path,
    `global
  maxconn 4000
  nbthread 1
  ssl-server-verify none
defaults
  mode ${setup.protocol}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${setup.protocol === 'http' ? 'http-reuse always' : more}
frontend in
  bind ${bind}
  default_backend out
backend out
  server s ${server}
`,
  )
  return startPinned(setup.core, ['haproxy', '-db', '-f', path])
}

function start(setup: Setup): readonly Pinned[] {
  const { pair } = setup
  const backend = `127.0.0.1:${setup.backendPort}`
  if (pair === undefined) return [run(setup, 'proxy', `127.0.0.1:${setup.listenPort}`, backend)]
  const { ca, combined } = pair.certificates
  const client = `127.0.0.1:${pair.port} ssl crt ${combined} ca-file ${ca} verify none ssl-min-ver TLSv1.3`
  const bind = `127.0.0.1:${pair.port} ssl crt ${combined} ca-file ${ca} verify required ssl-min-ver TLSv1.3`
  return [run(setup, 'client', `127.0.0.1:${setup.listenPort}`, client), run(setup, 'server', bind, backend)]
}

/** HAProxy, from Debian. */
export const haproxy: Contender = {
  name: 'haproxy',
  missing: () => (installed('haproxy') ? undefined : 'apt-get install haproxy'),
  version: () => versionOf(['haproxy', '-v'], /version ([\d.]+)/),
  start,
}

/** HAProxy when it is told to move bytes within the kernel, which it does not by default; for TCP only. */
export const haproxySplice: Contender = {
  ...haproxy,
  name: 'haproxy-splice',
  start: (setup) => [
    run(
      setup,
      'proxy',
      `127.0.0.1:${setup.listenPort}`,
      `127.0.0.1:${setup.backendPort}`,
      'option splice-request\n  option splice-response',
    ),
  ],
}
