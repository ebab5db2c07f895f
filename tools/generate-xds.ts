/**
 * Generates the Envoy v3 message types in `src/xds/generated` from the `.proto` files of the pinned npm package
 * `@grpc/grpc-js-xds` and Weft's own few in `src/xds/protos`. Run by `npm run generate`; the output is committed so that a checkout needs no generator.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dir, '..')
const output = join(root, 'src/xds/generated')
const source = join(root, 'node_modules/@grpc/grpc-js-xds/deps')

/** The messages Weft reads or writes; what they import follows by itself. */
const entries = [
  'envoy/config/bootstrap/v3/bootstrap.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/filters/common/fault/v3/fault.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/filters/http/grpc_stats/v3/config.proto',
  'envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto',
  'envoy/extensions/filters/http/health_check/v3/health_check.proto',
  'envoy/extensions/filters/http/on_demand/v3/on_demand.proto',
  'envoy/extensions/filters/http/rbac/v3/rbac.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/stateful_session/v3/stateful_session.proto',
  'envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto',
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto',
  'envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/network/connection_limit/v3/connection_limit.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/rbac/v3/rbac.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/udp/dns_filter/v3/dns_filter.proto',
  'envoy/extensions/filters/udp/udp_proxy/v3/route.proto',
  'envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy.proto',
  'envoy/extensions/http/stateful_session/cookie/v3/cookie.proto',
  'envoy/extensions/http/stateful_session/header/v3/header.proto',
  'envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided.proto',
  'envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto',
  'envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto',
  'envoy/extensions/load_balancing_policies/random/v3/random.proto',
  'envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto',
  'envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto',
  'envoy/extensions/load_balancing_policies/subset/v3/subset.proto',
  'envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.proto',
  'envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto',
  'envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto',
  'envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto',
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/service/discovery/v3/discovery.proto',
  'weft/resource_monitors/event_loop_delay/v3/event_loop_delay.proto',
  'xds/type/v3/typed_struct.proto',
]

/** A field that the Envoy files use and the bundled validate.proto is too old to know. */
function patchValidate(path: string): void {
  const text = readFileSync(path, 'utf8')
  if (text.includes('ignore_empty = 26')) return
  const patched = text.replace(/message StringRules \{/, 'message StringRules {\n  optional bool ignore_empty = 26;')
  writeFileSync(path, patched)
}

/** Files that only define custom options: for validators and documentation of other tools. */
function isAnnotation(path: string): boolean {
  return (
    path === 'validate/validate.proto' ||
    path === 'google/protobuf/descriptor.proto' ||
    /^(udpa|xds|envoy)\/annotations\//.test(path)
  )
}

/**
 * Drops what no process of Weft reads and each would have to load: custom options, the files that define them, and
 * comments (Envoy's documentation has them). A third of the descriptors, half of their source text.
 */
function withoutAnnotations(bytes: Uint8Array): Uint8Array {
  const image = fromBinary(FileDescriptorSetSchema, bytes)
  image.file = image.file.filter(({ name }) => !isAnnotation(name))
  for (const file of image.file) {
    file.dependency = file.dependency.filter((name) => !isAnnotation(name))
    delete file.sourceCodeInfo
    delete file.options
    dropCustomOptions([file.messageType, file.enumType, file.service])
  }
  return toBinary(FileDescriptorSetSchema, image)
}

/** Options that descriptor.proto does not know are custom ones. */
function dropCustomOptions(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  for (const [key, part] of Object.entries(value)) {
    if (key === 'options' && typeof part === 'object' && part !== null) Reflect.deleteProperty(part, '$unknown')
    dropCustomOptions(part)
  }
}

/** Lets the generated files take `fileDesc` from `src/xds/file-descriptor.ts`, which says why. */
function hydrateByOwnFunction(): void {
  for (const path of new Bun.Glob('**/*_pb.ts').scanSync(output)) {
    const own = `${'../'.repeat(path.split('/').length)}file-descriptor.ts`
    const text = readFileSync(join(output, path), 'utf8')
    const changed = text.replace(
      /^import \{ (.*?)(?:, )?\bfileDesc\b(?:, )?(.*?) ?\} from "@bufbuild\/protobuf\/codegenv2";$/m,
      (_, before: string, after: string) => {
        const others = [before, after].filter((names) => names !== '').join(', ')
        const rest = others === '' ? '' : `import { ${others} } from "@bufbuild/protobuf/codegenv2";\n`
        return `${rest}import { fileDesc } from "${own}";`
      },
    )
    if (changed === text) throw new Error(`Expected an import of fileDesc in ${path}`)
    writeFileSync(join(output, path), changed)
  }
}

function buf(cwd: string, args: readonly string[]): void {
  const run = Bun.spawnSync([join(root, 'node_modules/.bin/buf'), ...args], { cwd, stderr: 'inherit' })
  if (run.exitCode !== 0) throw new Error(`buf ${args[0]} ended with ${run.exitCode}`)
}

const work = mkdtempSync(join(tmpdir(), 'weft-xds-'))
try {
  for (const module of ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']) {
    cpSync(join(source, module), join(work, 'protos'), { recursive: true })
  }
  cpSync(join(root, 'src/xds/protos'), join(work, 'protos'), { recursive: true })
  const validate = join(work, 'protos/validate/validate.proto')
  if (!existsSync(validate)) throw new Error(`Expected ${validate} in @grpc/grpc-js-xds`)
  patchValidate(validate)
  writeFileSync(join(work, 'buf.yaml'), 'version: v2\nmodules:\n  - path: protos\n')
  const plugin = join(root, 'node_modules/.bin/protoc-gen-es')
  writeFileSync(
    join(work, 'buf.gen.yaml'),
    [
      'version: v2',
      'plugins:',
      `  - local: ${plugin}`,
      '    out: out',
      '    opt: [target=ts, import_extension=ts, ts_nocheck=true]',
      '    include_imports: true',
      '    strategy: all',
      '',
    ].join('\n'),
  )
  const image = join(work, 'image.binpb')
  buf(work, ['build', ...entries.flatMap((entry) => ['--path', `protos/${entry}`]), '--output', image])
  writeFileSync(image, withoutAnnotations(readFileSync(image)))
  buf(work, ['generate', image])
  rmSync(output, { recursive: true, force: true })
  cpSync(join(work, 'out'), output, { recursive: true })
  hydrateByOwnFunction()
} finally {
  rmSync(work, { recursive: true, force: true })
}
