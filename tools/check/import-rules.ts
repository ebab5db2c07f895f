import { dirname, normalize } from 'node:path'

import type { SourceFile } from './source-files.ts'

/** Folders of `src/` in order: a folder imports only what stands above it in this list. */
export const layers: readonly string[] = [
  'base',
  'wire',
  'resources',
  'identity',
  'xds',
  'net',
  'telemetry',
  'model',
  'dialects',
  'compile',
  'store',
  'proxy',
  'ca',
  'kubernetes',
  'control',
  'cli',
]

/** Further walls: folder to what it must not import although the order would allow it, with the reason. */
export const walls: readonly {
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly reason: string
}[] = [
  {
    from: ['proxy'],
    to: ['model', 'dialects', 'compile', 'store', 'kubernetes', 'ca'],
    reason: 'the proxy knows only xDS',
  },
  {
    from: ['base', 'wire', 'resources', 'identity', 'model', 'dialects', 'compile'],
    to: ['net', 'telemetry'],
    reason: 'pure folders do no input or output',
  },
]

/** Folders whose sub-folders are modules of their own: imports between them go through the sub-folder's index.ts. */
const divided: ReadonlySet<string> = new Set(['wire', 'xds', 'dialects', 'store', 'proxy', 'control'])

/** Every violation of the import rules, one line each. */
export function checkImports(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => importsOf(file).flatMap((target) => judge(file.path, target)))
}

function judge(path: string, target: string): readonly string[] {
  const from = place(path)
  const to = place(target)
  if (to === undefined) return []
  if (target.startsWith('src/') && !path.startsWith('src/')) return []
  if (from === undefined) return []
  if (from.layer === to.layer) return sameLayer(path, target, from, to)
  const faults: string[] = []
  const fromRank = layers.indexOf(from.layer)
  const toRank = layers.indexOf(to.layer)
  if (fromRank < 0) faults.push(`${path}: folder src/${from.layer} is not in the list of layers`)
  else if (toRank > fromRank)
    faults.push(`${path}: src/${from.layer} may not import src/${to.layer}, which stands below it (${target})`)
  for (const wall of walls) {
    if (wall.from.includes(from.layer) && wall.to.includes(to.layer)) {
      faults.push(`${path}: src/${from.layer} may not import src/${to.layer}: ${wall.reason} (${target})`)
    }
  }
  const generated = target.includes('/generated/')
  if (!generated && !target.endsWith('/index.ts') && !isTest(path)) {
    faults.push(`${path}: import of ${target} goes around the folder's index.ts`)
  }
  return faults
}

function sameLayer(path: string, target: string, from: Place, to: Place): readonly string[] {
  if (!divided.has(from.layer) || from.part === to.part || to.part === '' || isTest(path)) return []
  const faults: string[] = []
  if (from.layer === 'dialects' && from.part !== '')
    faults.push(`${path}: dialects never import each other (${target})`)
  if (!target.endsWith('/index.ts') && !target.includes('/generated/')) {
    faults.push(`${path}: import of ${target} goes around the sub-folder's index.ts`)
  }
  return faults
}

interface Place {
  readonly layer: string
  /** First sub-folder, empty for files directly in the layer. */
  readonly part: string
}

function place(path: string): Place | undefined {
  const [top, layer, ...rest] = path.split('/')
  if (top !== 'src' || layer === undefined || rest.length === 0) return undefined
  return { layer, part: rest.length > 1 ? (rest[0] ?? '') : '' }
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.endsWith('/contract.ts') || path.includes('.fixture.')
}

/** Relative import targets of a file, as paths from the root. */
function importsOf(file: SourceFile): readonly string[] {
  const found: string[] = []
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*(?:\n[^'"\n;]*)*?\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import '([^']+)'/g
  for (const match of file.text.matchAll(pattern)) {
    const target = match[1] ?? match[2] ?? match[3] ?? ''
    if (target.startsWith('.')) found.push(normalize(`${dirname(file.path)}/${target}`))
  }
  return found
}
