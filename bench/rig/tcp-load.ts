/** The load of the `tcp` scenario: it sends through a proxy to itself as fast as that takes it. */
export interface TcpLoad extends AsyncDisposable {
  /** Bytes that have come out of the proxy so far. */
  readonly arrived: () => Promise<number>
}

/** Starts the load pinned to a core; it listens on `sinkPort` and connects to `proxyPort`. */
export function startTcpLoad(
  core: number,
  program: string,
  options: { readonly sinkPort: number; readonly proxyPort: number; readonly connections: number },
): TcpLoad {
  const { sinkPort, proxyPort, connections } = options
  const run = Bun.spawn(
    ['taskset', '-c', String(core), program, String(sinkPort), String(proxyPort), String(connections)],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  )
  const lines = run.stdout.getReader()
  const decoder = new TextDecoder()
  return {
    async arrived() {
      void run.stdin.write('\n')
      await run.stdin.flush()
      let text = ''
      while (!text.endsWith('\n')) {
        const { value, done } = await lines.read()
        if (done) throw new Error(`The load ended with ${await run.exited}`)
        text += decoder.decode(value)
      }
      return Number(text)
    },
    [Symbol.asyncDispose]: async () => {
      await run.stdin.end()
      await run.exited
    },
  }
}
