import { UsageError } from '../cli-error.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { commands } from '../commands.ts'

const visible = () => commands.filter(({ hidden }) => hidden !== true)

function longFlags(flags: string): readonly string[] {
  return flags.match(/--[a-z-]+/g) ?? []
}

function bash(): string {
  const cases = visible().map(
    ({ name, options }) => `    ${name}) words="${options.flatMap(({ flags }) => longFlags(flags)).join(' ')}" ;;`,
  )
  return `_weft() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="${visible()
    .map(({ name }) => name)
    .join(' ')}"
  else case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _weft weft
`
}

function zsh(): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash()}`
}

function fish(): string {
  const lines = ['complete -c weft -n __fish_use_subcommand -f']
  for (const { name, summary, options } of visible()) {
    lines.push(`complete -c weft -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", '')}'`)
    for (const { flags, summary: text } of options)
      for (const flag of longFlags(flags))
        lines.push(
          `complete -c weft -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d '${text.replaceAll("'", '')}'`,
        )
  }
  return `${lines.join('\n')}\n`
}

const shells: ReadonlyMap<string, () => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
])

/** `weft completion SHELL`: a script that completes commands and options, made from the table of commands. */
export function runCompletion({ args, context }: CommandInput): Promise<number> {
  const [shell = ''] = args
  const script = shells.get(shell)
  if (script === undefined)
    throw new UsageError(`Unknown shell ${shell}`, `Use one of: ${[...shells.keys()].join(', ')}`)
  context.terminal.out(script())
  return Promise.resolve(ExitCode.ok)
}
