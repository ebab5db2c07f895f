import { expect, test } from 'bun:test'
import { applicationVariables, serviceVariables } from './service-variables.ts'

test('serviceVariables() spells names as Kubernetes does', () => {
  expect(serviceVariables([{ name: 'mongo-db.v2', port: 27_017, loopbackPort: 16_001 }])).toEqual({
    MONGO_DB_V2_SERVICE_HOST: '127.0.0.1',
    MONGO_DB_V2_SERVICE_PORT: '16001',
    MONGO_DB_V2_PORT_27017_TCP_ADDR: '127.0.0.1',
    MONGO_DB_V2_PORT_27017_TCP_PORT: '16001',
  })
})

test('serviceVariables() gives the first port as the port of the service and every port by its number', () => {
  const variables = serviceVariables([
    { name: 'db', port: 5432, loopbackPort: 16_001 },
    { name: 'db', port: 5433, loopbackPort: 16_002 },
  ])
  expect(variables['DB_SERVICE_PORT']).toBe('16001')
  expect(variables['DB_PORT_5433_TCP_PORT']).toBe('16002')
})

test('applicationVariables() names the proxy in both spellings and the port to listen on', () => {
  const variables = applicationVariables({
    workloadId: 'reviews-v2-a',
    version: 'v2',
    httpProxyPort: 16_000,
    applicationPort: 16_003,
    tcpServices: [],
  })
  expect(variables).toMatchObject({
    http_proxy: 'http://127.0.0.1:16000',
    HTTP_PROXY: 'http://127.0.0.1:16000',
    no_proxy: 'localhost,127.0.0.1',
    NODE_USE_ENV_PROXY: '1',
    PORT: '16003',
  })
})

test('applicationVariables() leaves PORT out for an application that only calls others', () => {
  const variables = applicationVariables({
    workloadId: 'a',
    version: 'v1',
    httpProxyPort: 1,
    applicationPort: undefined,
    tcpServices: [],
  })
  expect('PORT' in variables).toBe(false)
})
