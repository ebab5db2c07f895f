import { expect, test } from 'bun:test'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reservedPorts, reservePorts } from './reserve-ports.ts'

test('reservePorts() gives distinct free ports to callers at the same time, outside of the range of outgoing connections', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ports-'))
  const reservations = await Promise.all(Array.from({ length: 20 }, () => reservePorts(5, { directory })))
  const ports = reservations.flatMap(({ ports }) => ports)
  expect(new Set(ports).size).toBe(100)
  for (const port of ports) expect(port).toBeLessThan(32_768)
  expect(await reservedPorts(directory)).toEqual(ports.toSorted((a, b) => a - b))
  for (const { release } of reservations) await release()
  expect(await reservedPorts(directory)).toEqual([])
})

test('reservePorts() gives ports that can be bound', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ports-'))
  const { ports, release } = await reservePorts(3, { directory })
  for (const port of ports) Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
  await release()
})

test('reservePorts() fails with a code when every port is marked by a process that lives', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ports-'))
  const range = [20_000, 20_004] as const
  for (let port = 20_000; port < 20_004; port += 1) await writeFile(join(directory, String(port)), String(process.pid))
  await expect(reservePorts(1, { directory, range })).rejects.toMatchObject({ code: 'WEFT_RUN_PORTS' })
})

test('reservePorts() takes back the mark of a process that was killed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ports-'))
  const killed = Bun.spawn(['true'])
  await killed.exited
  await writeFile(join(directory, '20010'), String(killed.pid))
  const { ports, release } = await reservePorts(1, { directory, range: [20_010, 20_011] })
  expect(ports).toEqual([20_010])
  await release()
})
