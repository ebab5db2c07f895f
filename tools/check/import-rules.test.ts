import { expect, test } from 'bun:test'

import { checkImports } from './import-rules.ts'

test.each([
  ['src/base/a.ts', "import { x } from '../net/index.ts'", 'stands below it'],
  ['src/proxy/a.ts', "import type { Mesh } from '../model/index.ts'", 'knows only xDS'],
  ['src/model/a.ts', "import { x } from '../telemetry/index.ts'", 'no input or output'],
  ['src/dialects/istio/a.ts', "import { x } from '../kubernetes/index.ts'", 'never import each other'],
  ['src/control/a.ts', "import {\n  a,\n  b,\n} from '../store/store.ts'", 'goes around'],
  ['src/proxy/http/a.ts', "export { x } from '../cluster/pool.ts'", 'goes around'],
  ['src/cli/a.ts', "const x = await import('../control/deep/file.ts')", 'goes around'],
])('checkImports() refuses in %p the line %p', (path, text, reason) => {
  expect(checkImports([{ path, text }]).join('\n')).toContain(reason)
})

test.each([
  ['src/cli/a.ts', "import { x } from '../control/index.ts'"],
  ['src/compile/emit/a.ts', "import { x } from '../../xds/generated/envoy/a_pb.ts'"],
  ['src/proxy/http/a.ts', "import { x } from '../cluster/index.ts'"],
  ['src/proxy/http/a.ts', "import { x } from '../limits.ts'"],
  ['test/e2e/a.test.ts', "import { x } from '../../src/proxy/http/deep.ts'"],
])('checkImports() allows in %p the line %p', (path, text) => {
  expect(checkImports([{ path, text }])).toEqual([])
})
