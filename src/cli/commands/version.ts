import manifest from '../../../package.json'
import { type CommandInput, ExitCode } from '../command.ts'
import { renderValue } from '../output/print-value.ts'

/** `weft version`. */
export function runVersion({ context, options }: CommandInput): Promise<number> {
  const format = options.text('output')
  const value = {
    version: manifest.version,
    runtime: `bun ${Bun.version}`,
    platform: `${process.platform}-${process.arch}`,
  }
  if (format === 'json' || format === 'yaml') context.terminal.out(renderValue(value, format))
  else context.terminal.out(`weft ${value.version} (${value.runtime}, ${value.platform})\n`)
  return Promise.resolve(ExitCode.ok)
}
