/**
 * Compiler: time for one proxy that talks to three services, by size of the mesh. It must not grow with the mesh:
 * `bun bench/compile.ts` prints microseconds for each compilation, with a warm cache and with a cold one for each mesh.
 */
import { compileProxy, createCompileCache, type Interest } from '../src/compile/index.ts'
import { buildMesh, type Mesh } from '../src/model/index.ts'
import { testParts, testService, testWorkload } from '../test/harness/build-test-mesh.ts'

const interest: Interest = { kind: 'on-demand', authorities: new Set(['s1:9080', 's2:9080', 's3:9080']) }
const client = testWorkload('client-v1')

function meshOf(services: number): Mesh {
  const all = Array.from({ length: services }, (_, number) => testService(`s${number}`))
  const workloads = all.map((service) => testWorkload(`${service.name}-v1`))
  return buildMesh(testParts({ services: all, workloads: [client, ...workloads] }))
}

/** Median of the runs, microseconds. */
function median(runs: number, work: () => void): number {
  const times: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now()
    work()
    times.push((performance.now() - start) * 1000)
  }
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? 0)
}

console.log('services  next proxy of a mesh (us)  first proxy of a mesh (us)  whole mesh for one proxy (ms)')
for (const services of [50, 500, 5000]) {
  const mesh = meshOf(services)
  const cache = createCompileCache()
  const compile = (): void => void compileProxy({ mesh, workload: client, interest }, cache)
  compile()
  const warm = median(500, compile)
  const cold = median(5, () => void compileProxy({ mesh, workload: client, interest }))
  const everything = median(1, () => void compileProxy({ mesh, workload: client, interest: { kind: 'everything' } }))
  const cells = [
    String(services).padEnd(9),
    String(warm).padEnd(26),
    String(cold).padEnd(27),
    (everything / 1000).toFixed(1),
  ]
  console.log(cells.join(' '))
}
