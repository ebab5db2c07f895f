import type { CommandSpec, OptionSpec } from './command.ts'
import { outputFormats } from './output/output-formats.ts'

const server: OptionSpec = {
  flags: '--server <file>',
  summary:
    'control-plane.json of the control plane (default: $WEFT_SERVER, else the one in the default data directory)',
}
const namespace: OptionSpec = { flags: '-n, --namespace <name>', summary: 'namespace', default: 'default' }
const output: OptionSpec = {
  flags: '-o, --output <format>',
  summary: 'output format',
  choices: outputFormats,
  default: 'table',
}
const filename: OptionSpec = {
  flags: '-f, --filename <path>',
  summary: 'file, directory (its .yaml, .yml and .json files), or - for standard input; may be repeated',
  repeat: true,
}
const kind = { name: '<kind>', summary: 'kind of object, in full or short: VirtualService, vs, svc, dr' }

/** Every command, in the order of `weft --help`. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'demo',
    summary: 'run a whole mesh on this machine: control plane, sample services with proxies, traffic, live view',
    options: [
      { flags: '--once', summary: 'apply a split and a fault, send 1,000 requests, print what happened, end' },
      {
        flags: '--data-dir <path>',
        summary: 'where to keep everything (default: a temporary directory, removed at the end)',
      },
      { flags: '--rps <number>', summary: 'requests per second of the steady traffic', default: '20' },
    ],
    load: async () => (await import('./commands/demo.ts')).runDemo,
  },
  {
    name: 'up',
    summary: 'start a control plane in the foreground',
    options: [
      { flags: '--data-dir <path>', summary: 'store, keys and token (default: $WEFT_HOME, else ~/.weft)' },
      { flags: '--address <ip>', summary: 'address to bind', default: '127.0.0.1' },
      { flags: '--api-port <port>', summary: 'port of the REST API, 0 for a free one', default: '15014' },
      {
        flags: '--xds-port <port>',
        summary: 'port of ADS and certificate renewal, 0 for a free one',
        default: '15012',
      },
      { flags: '--trust-domain <name>', summary: 'SPIFFE trust domain (default: cluster.local)' },
    ],
    load: async () => (await import('./commands/up.ts')).runUp,
  },
  {
    name: 'run',
    summary: 'start an application together with its proxy',
    arguments: [{ name: '<command...>', summary: 'the application, after --' }],
    passThrough: true,
    options: [
      { flags: '--service <name>', summary: 'service that the application belongs to', required: true },
      { flags: '--version <version>', summary: 'its version label', default: 'v1' },
      {
        flags: '-p, --port <spec>',
        summary:
          '[NAME:]PORT[:APPLICATION_PORT|auto], the port of the service and where the application listens; a name that begins with grpc, http2, tcp or tls says the protocol; may be repeated',
        repeat: true,
      },
      namespace,
      { flags: '--service-account <name>', summary: 'identity (default: default)' },
      {
        flags: '--protocol <protocol>',
        summary: 'protocol of all ports (default: what the service says)',
        choices: ['http1', 'http2', 'grpc', 'tcp'],
      },
      { flags: '-l, --label <key=value>', summary: 'further label; may be repeated', repeat: true },
      {
        flags: '--upstream <host:port>',
        summary: 'service to reach on a loopback port, as the TCP services of the mesh are anyway; may be repeated',
        repeat: true,
      },
      { flags: '--id <id>', summary: 'workload id, unique in the mesh (default: made from service and version)' },
      { flags: '--weight <number>', summary: 'share of traffic relative to the other workloads', default: '1' },
      { flags: '--transparent', summary: 'also catch connections that do not use the proxy variables (Linux, root)' },
      { flags: '--data-plane <name>', summary: 'proxy to run', choices: ['weft', 'envoy'], default: 'weft' },
      {
        flags: '--ready-path <path>',
        summary: 'HTTP path of the application that answers 2xx or 3xx when it is ready',
      },
      {
        flags: '--ready-timeout <duration>',
        summary: 'how long proxy and application may take to start',
        default: '60s',
      },
      {
        flags: '--drain-timeout <duration>',
        summary: 'how long requests in flight may take at the end',
        default: '10s',
      },
      { flags: '--data-dir <path>', summary: 'where the state of the proxy is kept (default: beside the server file)' },
      server,
    ],
    examples: [
      'weft run --service reviews --version v2 --port 9080 -- node server.js',
      'weft run --service ratings --port 9080:auto -- bun ratings.ts     # the application listens on $PORT',
      'weft run --service catalog --port grpc:9090 -- ./catalog           # requests are routed as gRPC',
    ],
    load: async () => (await import('./commands/run.ts')).runRun,
  },
  {
    name: 'apply',
    summary: 'store objects; all of them or, when one is faulty, none',
    options: [
      { ...filename, required: true },
      namespace,
      {
        flags: '--wait',
        summary: 'return when every affected proxy has acknowledged; exit 1 and name those that have not',
      },
      { flags: '--timeout <duration>', summary: 'how long --wait waits', default: '30s' },
      output,
      server,
    ],
    examples: ['weft apply -f routes/ --wait', 'cat reviews.yaml | weft apply -f -'],
    load: async () => (await import('./commands/apply.ts')).runApply,
  },
  {
    name: 'get',
    summary: 'list objects of a kind, or show one',
    arguments: [
      { ...kind, summary: `${kind.summary}; all; workloads` },
      { name: '[name]', summary: 'name of one object' },
    ],
    options: [namespace, { flags: '-A, --all-namespaces', summary: 'objects of every namespace' }, output, server],
    load: async () => (await import('./commands/get.ts')).runGet,
  },
  {
    name: 'describe',
    summary: 'show one object with its origin, remarks and the proxies that rejected it',
    arguments: [kind, { name: '<name>', summary: 'its name' }],
    options: [namespace, output, server],
    load: async () => (await import('./commands/describe.ts')).runDescribe,
  },
  {
    name: 'delete',
    summary: 'remove objects, named or listed in files',
    arguments: [
      { ...kind, name: '[kind]' },
      { name: '[names...]', summary: 'their names' },
    ],
    options: [
      filename,
      namespace,
      { flags: '--wait', summary: 'return when every affected proxy has acknowledged' },
      { flags: '--timeout <duration>', summary: 'how long --wait waits', default: '30s' },
      server,
    ],
    load: async () => (await import('./commands/delete.ts')).runDelete,
  },
  {
    name: 'diff',
    summary: 'show what apply would change',
    options: [
      { ...filename, required: true },
      namespace,
      { flags: '--exit-code', summary: 'exit 1 when there is a difference' },
      output,
      server,
    ],
    load: async () => (await import('./commands/diff.ts')).runDiff,
  },
  {
    name: 'status',
    summary: 'show the control plane, its proxies and what they rejected',
    options: [output, server],
    load: async () => (await import('./commands/status.ts')).runStatus,
  },
  {
    name: 'proxy',
    summary: 'run a proxy from an Envoy bootstrap file',
    options: [
      { flags: '-c, --config-path <file>', summary: 'Envoy bootstrap, YAML or JSON', required: true },
      { flags: '--state-dir <path>', summary: 'identity and last accepted configuration' },
      { flags: '--ca-url <url>', summary: 'REST API that signs the first certificate' },
      { flags: '--ca-file <file>', summary: 'PEM bundle that vouches for it' },
      { flags: '--join-token-file <file>', summary: 'single-use token; the file is removed after use' },
      { flags: '--spiffe-id <id>', summary: 'identity to ask for' },
      {
        flags: '--drain-timeout <duration>',
        summary: 'how long requests in flight may take at the end',
        default: '10s',
      },
      {
        flags: '--drain-time <duration>',
        summary: 'how long connections of a replaced process, a removed listener or filter chain may go on',
        default: '10m',
      },
      { flags: '--hot-restart', summary: 'take over from the proxy that runs with the same --state-dir' },
      { flags: '--workers <count>', summary: 'processes that share the ports: a number, or auto for one per CPU' },
      { flags: '--pid-file <path>', summary: 'written when the proxy serves; names the successor after a hot restart' },
    ],
    load: async () => (await import('./commands/proxy.ts')).runProxyCommand,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    arguments: [{ name: '<shell>', summary: 'bash, zsh or fish' }],
    options: [],
    examples: ['source <(weft completion bash)'],
    load: async () => (await import('./commands/completion.ts')).runCompletion,
  },
  {
    name: 'version',
    summary: 'print the version',
    options: [output],
    load: async () => (await import('./commands/version.ts')).runVersion,
  },
  {
    name: 'example',
    summary: 'run one of the sample applications: bookinfo-reviews, bookinfo-traffic, ...',
    hidden: true,
    arguments: [{ name: '<application>', summary: 'its name' }],
    options: [],
    load: async () => (await import('./commands/example.ts')).runExample,
  },
]
