/** A TCP service and the loopback port by which the application reaches it. */
export interface LoopbackService {
  readonly name: string
  readonly port: number
  readonly loopbackPort: number
}

/** `mongo-db` as Kubernetes spells it in a variable: `MONGO_DB`. */
function variableName(service: string): string {
  return service.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/**
 * Variables by which programs find TCP services, named as Kubernetes names them: `<NAME>_SERVICE_HOST`,
 * `<NAME>_SERVICE_PORT` for the first port, and `<NAME>_PORT_<port>_TCP_ADDR`, `..._TCP_PORT` for every one. Of two services
 * with one name the first stands.
 */
export function serviceVariables(services: readonly LoopbackService[]): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  const set = (name: string, value: string) => {
    variables[name] ??= value
  }
  for (const { name, port, loopbackPort } of services) {
    const prefix = variableName(name)
    set(`${prefix}_SERVICE_HOST`, '127.0.0.1')
    set(`${prefix}_SERVICE_PORT`, String(loopbackPort))
    set(`${prefix}_PORT_${port}_TCP_ADDR`, '127.0.0.1')
    set(`${prefix}_PORT_${port}_TCP_PORT`, String(loopbackPort))
  }
  return variables
}

/** What the application is told about its proxy and itself. */
export interface ApplicationSurroundings {
  readonly workloadId: string
  readonly version: string
  readonly httpProxyPort: number
  /** Where the application is to listen; absent for one that only calls others. */
  readonly applicationPort: number | undefined
  readonly tcpServices: readonly LoopbackService[]
}

/**
 * Variables for the application on top of its own: the proxy in the spellings that programs read (lower case for curl and
 * most, upper case for the rest, `NODE_USE_ENV_PROXY` for Node's fetch), `PORT`, and the TCP services.
 */
export function applicationVariables(surroundings: ApplicationSurroundings): Readonly<Record<string, string>> {
  const { httpProxyPort, applicationPort } = surroundings
  const proxy = `http://127.0.0.1:${httpProxyPort}`
  return {
    ...serviceVariables(surroundings.tcpServices),
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    no_proxy: 'localhost,127.0.0.1',
    NO_PROXY: 'localhost,127.0.0.1',
    NODE_USE_ENV_PROXY: '1',
    SERVICE_VERSION: surroundings.version,
    WEFT_WORKLOAD_ID: surroundings.workloadId,
    ...(applicationPort === undefined ? {} : { PORT: String(applicationPort) }),
  }
}
