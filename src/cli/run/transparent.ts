import { CliError } from '../cli-error.ts'

/** Addresses that Weft gives to services; nothing real lives there (240.0.0.0/4 is reserved, RFC 1112). */
const virtualNetwork = '240.240.0.0/16'

/** Groups for applications in transparent mode; far above those that distributions give out. */
const firstGroup = 51_000
const groupCount = 4_000

/** Chain names begin with this; what follows is the group and the supervisor's process id, so leftovers can be told. */
const chainPrefix = 'WEFT'

/** A redirect of one application's outgoing traffic to its proxy. Disposing it removes every rule. */
export interface TransparentRedirect extends AsyncDisposable {
  /** The group that the application must run as. */
  readonly groupId: number
  /** Puts the rules in place; all or none. */
  readonly enable: (ports: { readonly transparentPort: number; readonly dnsPort: number }) => Promise<void>
}

/** Runs iptables and answers what it printed. */
export type Iptables = (args: readonly string[]) => Promise<{ readonly ok: boolean; readonly text: string }>

async function runIptables(args: readonly string[]): ReturnType<Iptables> {
  // -w: other programs may hold the lock for a moment.
  const child = Bun.spawn(['iptables', '-w', '5', '-t', 'nat', ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, error, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { ok: code === 0, text: out + error }
}

function refuse(reason: string): CliError {
  return new CliError(
    'WEFT_RUN_TRANSPARENT',
    `--transparent cannot be had here: ${reason}`,
    'Run as root on Linux with iptables and setpriv, or leave out --transparent and let the application use HTTP_PROXY',
  )
}

/** The rules of one application, in order, as arguments of iptables. Pure. */
export function redirectRules(
  chain: string,
  groupId: number,
  ports: { readonly transparentPort: number; readonly dnsPort: number },
): readonly (readonly string[])[] {
  const tcp = ['-p', 'tcp']
  const toProxy = ['-j', 'REDIRECT', '--to-ports', String(ports.transparentPort)]
  return [
    ['-N', chain],
    ['-A', chain, '-p', 'udp', '--dport', '53', '-j', 'REDIRECT', '--to-ports', String(ports.dnsPort)],
    ['-A', chain, ...tcp, '-d', virtualNetwork, ...toProxy],
    ['-A', chain, '-d', '127.0.0.0/8', '-j', 'RETURN'],
    ['-A', chain, ...tcp, ...toProxy],
    ['-A', 'OUTPUT', '-m', 'owner', '--gid-owner', String(groupId), '-j', chain],
  ]
}

/** The rules that undo them. Pure. */
export function removalRules(chain: string, groupId: number): readonly (readonly string[])[] {
  return [
    ['-D', 'OUTPUT', '-m', 'owner', '--gid-owner', String(groupId), '-j', chain],
    ['-F', chain],
    ['-X', chain],
  ]
}

/** Chains in `iptables -S` with the group and process that they belong to. */
export function ownedChains(
  listing: string,
): readonly { readonly chain: string; readonly groupId: number; readonly pid: number }[] {
  return [...listing.matchAll(/^-N (WEFT-(\d+)-(\d+))$/gm)].map(([, chain = '', group, pid]) => ({
    chain,
    groupId: Number(group),
    pid: Number(pid),
  }))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // Root may signal every process: an error means that there is none.
  }
}

async function remove(iptables: Iptables, chain: string, groupId: number): Promise<void> {
  // Each step may find its rule gone: what counts is that nothing is left.
  for (const rule of removalRules(chain, groupId)) await iptables(rule)
}

/**
 * Prepares a redirect: checks the rights, removes rules of supervisors that were killed, and picks a group. It fails closed:
 * without the right to redirect there is an error and no application that runs around its proxy.
 *
 * @throws {CliError} `WEFT_RUN_TRANSPARENT` if this process may not do it.
 */
export async function openTransparentRedirect(iptables: Iptables = runIptables): Promise<TransparentRedirect> {
  if (process.platform !== 'linux') throw refuse('it needs Linux')
  if (process.getuid?.() !== 0) throw refuse('it needs root')
  for (const program of ['iptables', 'setpriv']) if (Bun.which(program) === null) throw refuse(`there is no ${program}`)
  const listing = await iptables(['-S'])
  if (!listing.ok) throw refuse(listing.text.trim())
  const owned = ownedChains(listing.text)
  const dead = owned.filter(({ pid }) => !isAlive(pid))
  for (const { chain, groupId } of dead) await remove(iptables, chain, groupId)
  const taken = new Set(owned.filter((entry) => !dead.includes(entry)).map(({ groupId }) => groupId))
  let groupId = firstGroup + (process.pid % groupCount)
  while (taken.has(groupId)) groupId += 1
  const chain = `${chainPrefix}-${groupId}-${process.pid}`
  return {
    groupId,
    enable: async (ports) => {
      for (const rule of redirectRules(chain, groupId, ports)) {
        const { ok, text } = await iptables(rule)
        if (ok) continue
        await remove(iptables, chain, groupId)
        throw refuse(text.trim())
      }
    },
    [Symbol.asyncDispose]: () => remove(iptables, chain, groupId),
  }
}
