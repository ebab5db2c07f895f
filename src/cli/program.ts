import { Command, CommanderError, Option } from 'commander'
import { UsageError } from './cli-error.ts'
import { type CommandContext, type CommandSpec, ExitCode, type OptionSpec } from './command.ts'
import { commands } from './commands.ts'
import { processTerminal } from './output/terminal.ts'
import { parsedOptions } from './parsed-options.ts'

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary)
  if (spec.choices !== undefined) option.choices([...spec.choices])
  if (spec.default !== undefined) option.default(spec.default)
  if (spec.required === true) option.makeOptionMandatory()
  if (spec.repeat === true)
    option.argParser((value: string, before: unknown) => (Array.isArray(before) ? [...before, value] : [value]))
  return option
}

function toCommand(spec: CommandSpec, context: CommandContext, onExit: (code: number) => void): Command {
  const command = new Command(spec.name).description(spec.summary).allowExcessArguments(false)
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.summary)
  for (const option of spec.options) command.addOption(toOption(option))
  if (spec.passThrough === true) command.passThroughOptions()
  if (spec.examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}\n`).join('')}`)
  command.action(async () => {
    const run = await spec.load()
    onExit(await run({ context, args: command.args, options: parsedOptions(command.opts()) }))
  })
  return command
}

function buildProgram(context: CommandContext, onExit: (code: number) => void): Command {
  const program = new Command('weft')
    .description('A service mesh in TypeScript, end to end')
    .enablePositionalOptions()
    .showHelpAfterError('(run with --help for usage)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage. `weft run` ends with the code of the application.',
    )
  for (const spec of commands) {
    program.addCommand(toCommand(spec, context, onExit), { hidden: spec.hidden === true })
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: context.terminal.out,
      writeErr: context.terminal.err,
      getOutHelpWidth: () => context.terminal.size().columns,
      getErrHelpWidth: () => context.terminal.size().columns,
    })
  }
  return program
}

/** The surroundings of this process. */
function processContext(): CommandContext {
  return {
    terminal: processTerminal(),
    env: process.env,
    cwd: process.cwd(),
    readStdin: () => Bun.stdin.text(),
  }
}

/**
 * Runs `weft` with the arguments after its name and answers the exit code; never rejects. Everything that went wrong was
 * printed to standard error with its code and a remedy.
 */
export async function runCli(argv: readonly string[], context: CommandContext = processContext()): Promise<number> {
  let code: number = ExitCode.ok
  const program = buildProgram(context, (exit) => {
    code = exit
  })
  try {
    if (argv.length === 0) {
      context.terminal.out(program.helpInformation())
      return ExitCode.usage
    }
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    // Commander has printed its own message already; exit code 0 is `--help`.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
    const { renderError } = await import('./output/render-error.ts')
    context.terminal.err(renderError(error, context.terminal))
    return error instanceof UsageError ? ExitCode.usage : ExitCode.failed
  }
}
