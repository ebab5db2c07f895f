import { MeshError } from '../base/index.ts'

/** A failure of a command that says what to do about it. */
export class CliError extends MeshError {
  override readonly name: string = 'CliError'
  /** One sentence: what the user can do. */
  readonly remedy: string

  constructor(code: string, message: string, remedy: string, options?: { readonly cause?: unknown }) {
    super(code, message, options)
    this.remedy = remedy
  }
}

/** The command line itself is wrong; exit code 2. */
export class UsageError extends CliError {
  override readonly name = 'UsageError'
  constructor(message: string, remedy = 'Run the command with --help to see what it takes') {
    super('WEFT_CLI_USAGE', message, remedy)
  }
}
