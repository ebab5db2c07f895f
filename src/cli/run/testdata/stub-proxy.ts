/** Stands in for `weft proxy` in tests of the supervisor: checks its flags, answers `/ready`, ends on SIGTERM. */
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

const flag = (name: string): string => {
  const value = process.argv[process.argv.indexOf(name) + 1]
  if (!process.argv.includes(name) || value === undefined) throw new Error(`Expected ${name}`)
  return value
}
if (process.argv[2] !== 'proxy') throw new Error('Expected the command proxy')
const bootstrap: { readonly admin: { readonly address: { readonly socket_address: { readonly port_value: number } } } } =
  parse(readFileSync(flag('-c'), 'utf8'))
for (const name of ['--ca-url', '--spiffe-id', '--state-dir']) flag(name)
for (const file of [flag('--ca-file'), flag('--join-token-file')]) if (!existsSync(file)) throw new Error(`Expected ${file}`)
const admin = Bun.serve({
  hostname: '127.0.0.1',
  port: bootstrap.admin.address.socket_address.port_value,
  fetch: (request) => new Response(new URL(request.url).pathname === '/ready' ? 'LIVE' : String(process.pid)),
})
console.log('stub proxy listens on', admin.port)
process.on('SIGTERM', () => process.exit(0))
