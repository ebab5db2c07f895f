import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, type CommandInput, ExitCode } from '../command.ts'
import {
  type DemoMesh,
  edgeDifference,
  type EdgeTable,
  liveScreen,
  renderEdges,
  renderOutcome,
  runOnce,
  startDemoMesh,
} from '../demo/index.ts'
import { pause } from '../run/index.ts'
import { isCompiled, selfCommand } from '../self-command.ts'
import { untilSignal } from '../until-signal.ts'

/** How often the view is drawn: often on a terminal, seldom in a log. */
const redrawMs = 1_000
const plainMs = 5_000

/** Rates are taken over this many pictures, so that seldom requests do not flicker. */
const windowPictures = 5

/** How a user starts Weft, from a checkout or as an executable. */
function userCommand(): string {
  return isCompiled() ? process.execPath : 'npm run weft --'
}

function header(mesh: DemoMesh, dataDir: string, { terminal }: CommandContext): string {
  const { color } = terminal
  const page = mesh.records.get('productpage-v1')?.ports[0]?.applicationPort ?? 0
  const weft = userCommand()
  return [
    `${color.bold('Weft demo')}: ${mesh.records.size} workloads, each with its own proxy; mutual TLS between them`,
    `  page     ${color.accent(`http://127.0.0.1:${page}/productpage`)}`,
    `  change   ${weft} apply --server ${mesh.serverFile} -f ${mesh.examplesDir}/reviews-80-20.yaml --wait`,
    `  look     ${weft} status --server ${mesh.serverFile}`,
    `  data     ${dataDir}`,
    '',
    '',
  ].join('\n')
}

async function watch(mesh: DemoMesh, dataDir: string, context: CommandContext, signal: AbortSignal): Promise<void> {
  const { terminal } = context
  const screen = liveScreen(terminal)
  // Once, above the picture: long commands wrap here, where a line of the picture would be cut.
  terminal.out(`\n${header(mesh, dataDir, context)}`)
  const history: { readonly at: number; readonly edges: EdgeTable }[] = []
  while (!signal.aborted) {
    history.push({ at: performance.now(), edges: await mesh.scrape() })
    if (history.length > (terminal.interactive ? windowPictures : 1) + 1) history.shift()
    const oldest = history[0]
    const newest = history.at(-1)
    if (oldest !== undefined && newest !== undefined && newest.at > oldest.at) {
      const seconds = (newest.at - oldest.at) / 1000
      const table = renderEdges(edgeDifference(oldest.edges, newest.edges), seconds, terminal.color)
      screen.draw(terminal.interactive ? `${table}\n${terminal.color.dim('Ctrl-C ends the demo')}\n` : `${table}\n`)
    }
    await pause(terminal.interactive ? redrawMs : plainMs, signal)
  }
  screen.close()
}

async function demonstrate(input: CommandInput, mesh: DemoMesh, dataDir: string, signal: AbortSignal): Promise<number> {
  const { context, options } = input
  const { terminal } = context
  if (options.flag('once')) {
    const outcome = await runOnce(mesh, (text) => terminal.err(`${text}\n`), signal)
    terminal.out(`\n${renderOutcome(outcome, terminal.color)}`)
    return outcome.faults.length === 0 ? ExitCode.ok : ExitCode.failed
  }
  const ended = new AbortController()
  const broken = mesh.broken.then((reason) => {
    ended.abort()
    return reason
  })
  await watch(mesh, dataDir, context, AbortSignal.any([signal, ended.signal]))
  if (signal.aborted) return ExitCode.ok
  terminal.err(`${terminal.color.bad('error')}: ${await broken}\n`)
  return ExitCode.failed
}

/** `weft demo`: starts a mesh, shows it until Ctrl-C, or with `--once` puts it to the test and ends. */
export async function runDemo(input: CommandInput): Promise<number> {
  const { context, options } = input
  const { terminal } = context
  const rps = Number(options.text('rps') ?? '20')
  if (!(rps >= 0 && rps <= 1_000))
    throw new UsageError(`Expected a number from 0 to 1000 for --rps, got ${options.text('rps')}`)
  const chosen = options.text('data-dir')
  const dataDir = chosen === undefined ? await mkdtemp(join(tmpdir(), 'weft-demo-')) : resolve(context.cwd, chosen)
  const stopped = new AbortController()
  void untilSignal(['SIGINT', 'SIGTERM', 'SIGHUP']).then(() => stopped.abort())
  const startedAt = performance.now()
  const progress = (text: string) =>
    terminal.err(`${terminal.color.dim(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`)} ${text}\n`)
  let code: number
  {
    await using mesh = await startDemoMesh({
      dataDir,
      self: selfCommand(),
      env: context.env,
      rps: options.flag('once') ? 0 : rps,
      onProgress: progress,
      signal: stopped.signal,
    })
    code = await demonstrate(input, mesh, dataDir, stopped.signal)
    terminal.err('stopping\n')
  }
  // A data directory that the user did not choose is of no use after a good end; after a bad one its logs are.
  if (chosen === undefined && code === ExitCode.ok) await rm(dataDir, { recursive: true, force: true })
  return code
}
