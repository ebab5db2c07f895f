import { resolve } from 'node:path'
import { defaultDataDir } from '../../control/rest/index.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { endWithParent } from '../end-with-parent.ts'
import { untilSignal } from '../until-signal.ts'

/** `weft up`: a control plane in the foreground until SIGINT or SIGTERM. */
export async function runUp({ context, options }: CommandInput): Promise<number> {
  const { terminal, env, cwd } = context
  endWithParent(env, 'terminate')
  const dataDir = resolve(cwd, options.text('data-dir') ?? defaultDataDir(env))
  const apiPort = options.port('api-port')
  const xdsPort = options.port('xds-port')
  const address = options.text('address')
  const trustDomain = options.text('trust-domain')
  const stopped = untilSignal(['SIGINT', 'SIGTERM'])
  // The X.509 library needs this in place before it is loaded; in a bundle only an awaited import is sure to come first.
  await import('reflect-metadata')
  const { startControlPlane } = await import('../../control/index.ts')
  await using plane = await startControlPlane({
    dataDir,
    ...(apiPort === undefined ? {} : { apiPort }),
    ...(xdsPort === undefined ? {} : { xdsPort }),
    ...(address === undefined ? {} : { address }),
    ...(trustDomain === undefined ? {} : { trustDomain }),
  })
  const { color } = terminal
  const usual = resolve(defaultDataDir(env)) === dataDir
  const server = usual ? '' : ` --server ${plane.serverFile}`
  terminal.out(
    [
      `${color.good('Control plane is up')}, trust domain ${plane.trustDomain}, data in ${dataDir}`,
      `  REST API  ${color.accent(plane.api)}  (${plane.api}/openapi.json)`,
      `  ADS       ${color.accent(plane.xds)}`,
      '',
      'In another terminal:',
      `  weft run${server} --service reviews --version v1 --port 9080:auto -- COMMAND   ${color.dim('# the application listens on $PORT')}`,
      `  weft apply${server} -f routes.yaml --wait`,
      `  weft status${server}`,
      '',
      'Ctrl-C stops it; proxies go on with what they have.',
      '',
    ].join('\n'),
  )
  const signal = await stopped
  terminal.err(`${signal}: stopping\n`)
  return ExitCode.ok
}
