import type { ApiClient, ResourceName } from '../../control/rest/index.ts'
import { UsageError } from '../cli-error.ts'
import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { waitForEnforcement } from '../enforcement.ts'
import { findKind } from '../kinds.ts'
import { reportingFaults } from '../output/render-diagnostics.ts'
import { type InputFile, readFiles } from '../read-files.ts'

/** Which objects files hold: the control plane's `diff` reads them, so the rules of `apply` hold here too. */
async function namesInFiles(
  input: CommandInput,
  client: ApiClient,
  files: readonly InputFile[],
): Promise<readonly ResourceName[]> {
  const answer = await client.diff({ files: [...files], namespace: input.options.text('namespace') ?? 'default' })
  return answer.objects
    .filter(({ action }) => action !== 'created')
    .map(({ key, kind, namespace, name }) => ({ group: key.split('/')[0] ?? 'core', kind, namespace, name }))
}

function namesInArguments({ args, options }: CommandInput): readonly ResourceName[] {
  const [kindText, ...names] = args
  if (kindText === undefined || names.length === 0) throw new UsageError('Expected a kind and at least one name, or -f')
  const { group, kind } = findKind(kindText)
  return names.map((name) => ({ group, kind, namespace: options.text('namespace') ?? 'default', name }))
}

/** `weft delete -f PATH | KIND NAME...`. Objects of a file that are not stored are passed over. */
export async function runDelete(input: CommandInput): Promise<number> {
  const { options, args, context } = input
  const fromFiles = options.list('filename').length > 0
  if (fromFiles && args.length > 0) throw new UsageError('Expected either -f or a kind and names, got both')
  const files = fromFiles ? await readFiles(options.list('filename'), context) : []
  return reportingFaults(files, context.terminal, () => deleteObjects(input, files))
}

async function deleteObjects(input: CommandInput, files: readonly InputFile[]): Promise<number> {
  const { options, context } = input
  const client = clientOf(input)
  const targets = files.length > 0 ? await namesInFiles(input, client, files) : namesInArguments(input)
  if (targets.length === 0) {
    context.terminal.err('Nothing to delete\n')
    return ExitCode.ok
  }
  const { revision } = await client.deleteResources(targets)
  for (const { kind, namespace, name } of targets)
    context.terminal.out(`${kind} ${namespace}/${name} ${context.terminal.color.warn('deleted')}\n`)
  if (!options.flag('wait')) return ExitCode.ok
  return waitForEnforcement(client, context.terminal, revision, {
    timeoutMs: options.durationMs('timeout') ?? 30_000,
    print: context.terminal.out,
  })
}
