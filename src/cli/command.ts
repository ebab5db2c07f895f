import type { ParsedOptions } from './parsed-options.ts'
import type { Terminal } from './output/terminal.ts'

/** Exit codes of every command; `weft run` ends with the application's own instead. */
export const ExitCode = {
  ok: 0,
  /** The command was understood and did not succeed. */
  failed: 1,
  /** Unknown command, option or argument. */
  usage: 2,
} as const

/** An option as data. */
export interface OptionSpec {
  /** As commander writes it: `-f, --filename <path>`. */
  readonly flags: string
  readonly summary: string
  readonly default?: string
  readonly choices?: readonly string[]
  /** May be given more than once; its value is a list. */
  readonly repeat?: boolean
  /** `weft` cannot start without it. */
  readonly required?: boolean
}

/** What a command gets from the outside; tests hand in their own. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly readStdin: () => Promise<string>
}

/** One call of a command. */
export interface CommandInput {
  readonly context: CommandContext
  readonly args: readonly string[]
  readonly options: ParsedOptions
}

/** Does the work and answers the exit code. Throws `MeshError` for an expected failure: printed with its code, exit 1. */
export type CommandRun = (input: CommandInput) => Promise<number>

/** A command as data; its code is loaded when it is called. */
export interface CommandSpec {
  readonly name: string
  readonly summary: string
  /** Not shown in help. */
  readonly hidden?: boolean
  /** As commander writes them: `<kind>`, `[name]`, `[command...]`. */
  readonly arguments?: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly OptionSpec[]
  /** Everything after the first argument belongs to another program. */
  readonly passThrough?: boolean
  /** Lines under the options in `--help`: examples. */
  readonly examples?: readonly string[]
  readonly load: () => Promise<CommandRun>
}
