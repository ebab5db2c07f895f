/** Time for one look. */
const probeTimeoutMs = 1_000

/** Status of a GET on loopback without any proxy, or nothing when there is no answer. Redirects are not followed. */
async function httpStatus(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(probeTimeoutMs), redirect: 'manual', proxy: '' })
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined // Nothing listens there yet, or it does not speak HTTP: not ready.
  }
}

/** True when the proxy has its configuration and its listeners are open (Envoy's admin `/ready`). */
export async function isProxyReady(adminPort: number): Promise<boolean> {
  return (await httpStatus(`http://127.0.0.1:${adminPort}/ready`)) === 200
}

/** True when something accepts connections on a loopback port. */
function acceptsConnections(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data() {},
      open: (socket) => {
        socket.end()
        resolve(true)
      },
      connectError: () => resolve(false),
    },
  }).catch(() => resolve(false))
  return promise
}

/** True when the application is ready: every port accepts and, if there is a path, its first port answers 2xx or 3xx. */
export async function isApplicationReady(ports: readonly number[], path: string | undefined): Promise<boolean> {
  const [first] = ports
  if (first === undefined) return true
  const open = await Promise.all(ports.map(acceptsConnections))
  if (open.includes(false)) return false
  if (path === undefined) return true
  const status = await httpStatus(`http://127.0.0.1:${first}${path}`)
  return status !== undefined && status >= 200 && status < 400
}
