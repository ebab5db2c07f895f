/** Runs one Bookinfo application: `bun examples/bookinfo/main.ts reviews`, with `PORT` and `SERVICE_VERSION`. */
import { applications, startApplication } from './index.ts'

const name = process.argv[2] ?? ''
const create = applications.get(name)
if (create === undefined) {
  console.error(`Unknown application ${JSON.stringify(name)}, one of: ${[...applications.keys()].join(', ')}`)
  process.exit(2)
}
const running = startApplication(create(process.env['SERVICE_VERSION'] ?? 'v1'), Number(process.env['PORT'] ?? '9080'))
console.log(`${name} listens on ${running.url}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void running.stop().then(() => process.exit(0)))
