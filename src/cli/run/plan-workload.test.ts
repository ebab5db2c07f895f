import { expect, test } from 'bun:test'
import { parsedOptions } from '../parsed-options.ts'
import { chooseUpstreams, planWorkload, toRegistration } from './plan-workload.ts'
import { parseRunOptions } from './run-options.ts'

const services = [
  { host: 'db.other.svc.cluster.local', name: 'db', port: 5432 },
  { host: 'db.default.svc.cluster.local', name: 'db', port: 5432 },
]

test('chooseUpstreams() puts what the user named first, then the own namespace, each once', () => {
  const chosen = chooseUpstreams(
    {
      namespace: 'default',
      upstreams: [
        { host: 'mongodb', port: 27_017 },
        { host: 'db', port: 5432 },
      ],
    },
    services,
  )
  expect(chosen.map(({ host }) => host)).toEqual([
    'mongodb.default.svc.cluster.local',
    'db.default.svc.cluster.local',
    'db.other.svc.cluster.local',
  ])
})

test('planWorkload() gives every listener a port of its own and the registration says so', async () => {
  const options = parseRunOptions({
    options: parsedOptions({ service: 'reviews', version: 'v2', port: ['9080:auto', '9090:7000'], weight: '3' }),
    args: ['true'],
  })
  const plan = await planWorkload(options, services)
  await plan.release()
  const all = [
    plan.adminPort,
    plan.httpProxyPort,
    ...plan.ports.map(({ meshPort }) => meshPort),
    ...plan.upstreams.map(({ loopbackPort }) => loopbackPort),
  ]
  expect(new Set(all).size).toBe(6)
  expect(plan.id).toMatch(/^reviews-v2-[0-9a-f]{6}$/)
  expect(plan.ports[1]?.applicationPort).toBe(7000)
  const registration = toRegistration(options, plan)
  expect(registration.weight).toBe(3)
  expect(registration.placement.httpProxyPort).toBe(plan.httpProxyPort)
  expect(registration.placement.tcpUpstreams).toHaveLength(2)
  expect('transparentPort' in registration.placement).toBe(false)
})
