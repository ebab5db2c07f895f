/** The faults of a run, each with what must still hold while it lasts. */
import {
  askHalfOpen,
  breakHandshake,
  cancelHttp2,
  dawdle,
  nonsenseCount,
  resetRapidly,
  staySilent,
  talkNonsense,
  vanishBehindHandshake,
  vanishInAnswer,
  vanishInRequest,
  vanishWaiting,
} from './hostile-clients.ts'
import { Http1Connection } from './http1-client.ts'
import { misdeeds } from './misbehaving-upstream.ts'
import type { Recorder } from './recorder.ts'
import type { Rig } from './rig.ts'

/** Something that is broken on purpose; a rejection is a failure of the run. */
export interface Fault {
  readonly name: string
  readonly run: (rig: Rig, recorder: Recorder) => Promise<void>
  /** Happens once, in the first rotation: it begins the measured series of a process anew. */
  readonly once?: boolean
}

/** Behind a fault, what was on its way when it ended may still fail. */
const settleMs = 1500

async function each(times: number, act: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: times }, (_, index) => act(index)))
}

async function killUpstream(rig: Rig, recorder: Recorder): Promise<void> {
  const window = recorder.openWindow('upstream killed')
  try {
    await rig.killUpstream()
    await Bun.sleep(500)
    await rig.startUpstream()
  } finally {
    window.close(settleMs)
  }
}

async function misbehave({ ports }: Rig, recorder: Recorder): Promise<void> {
  const ask = (name: string, status: number, isCut: boolean) => async (): Promise<void> => {
    const connection = Http1Connection.open(ports.client)
    try {
      await connection.exchange({ path: `/bad/${name}`, expectStatus: status })
      if (isCut) throw new Error(`Expected the answer to /bad/${name} to be cut, it was whole`)
    } catch (cause) {
      // A proxy that hears of head and fault at once may still answer for itself.
      if (!isCut || !(cause instanceof Error) || !/within the answer|got 503/.test(cause.message)) throw cause
    } finally {
      connection.close()
    }
  }
  await each(3, async () => {
    await Promise.all(
      misdeeds.map(({ name, status, isCut }) =>
        recorder.run(`bad upstream: ${name}`, 10, ask(name, status, isCut === true)),
      ),
    )
  })
}

async function vanish({ ports }: Rig, recorder: Recorder): Promise<void> {
  const run = (act: () => Promise<void>): Promise<void> => recorder.run('client vanishes', 100, act)
  await each(8, async (index) => {
    const how = index % 2 === 0 ? 'end' : 'reset'
    await run(() => vanishInRequest(ports.client, how))
    await run(() => vanishInAnswer(ports.client, how))
    await run(() => vanishWaiting(ports.client))
    await run(() => cancelHttp2(ports.gatewayTls))
    await run(() => vanishInAnswer(ports.gatewayTcp, how))
    await run(() => vanishBehindHandshake(ports.gatewayTls))
    await run(() => breakHandshake(ports.gatewayTls, index % 2 === 0 ? 'vanish' : 'plain'))
  })
}

async function pauseProxies({ proxies }: Rig): Promise<void> {
  for (const proxy of proxies) {
    proxy.signal('SIGSTOP')
    await Bun.sleep(500)
    proxy.signal('SIGCONT')
    await Bun.sleep(300)
  }
}

async function pauseUpstream(rig: Rig): Promise<void> {
  rig.signalUpstream('SIGSTOP')
  await Bun.sleep(2000)
  rig.signalUpstream('SIGCONT')
}

async function changeListeners(rig: Rig, recorder: Recorder): Promise<void> {
  await rig.changeGateway(true)
  await recorder.run('added listener', 10, async () => {
    const connection = Http1Connection.open(rig.ports.gatewayExtra)
    await connection.exchange({ path: '/bytes/100', expectBytes: 100 })
    connection.close()
  })
  await rig.changeGateway(false)
}

async function stopControlPlane({ plane, proxies, ports }: Rig): Promise<void> {
  await plane.stop()
  await Bun.sleep(1000)
  await plane.restart()
  const end = performance.now() + 20_000
  while (plane.connected() === 0) {
    if (performance.now() > end)
      throw new Error(`Expected ${proxies.length} proxies, ${ports.adminGateway} did not come back`)
    await Bun.sleep(50)
  }
}

/** A dose that a client may have; a flood that must end the connection. */
async function resetHttp2({ ports }: Rig, recorder: Recorder): Promise<void> {
  await recorder.run('http2 rapid reset, flood', 5, () => resetRapidly(ports.client, 250))
}

/** All of them, in their order. */
export const faults: readonly Fault[] = [
  { name: 'upstream killed and started again', run: killUpstream },
  { name: 'upstream resets, hangs, talks garbage', run: misbehave },
  { name: 'clients vanish', run: vanish },
  {
    name: 'half-open clients',
    run: ({ ports }, recorder) => each(10, () => recorder.run('half-open client', 20, () => askHalfOpen(ports.client))),
  },
  { name: 'server-side proxy replaced', run: (rig) => rig.hotRestart(), once: true },
  {
    name: 'slow heads, silent clients',
    run: async ({ ports }, recorder) => {
      await Promise.all([
        each(15, () => recorder.run('slowloris', 20, () => dawdle(ports.client))),
        each(5, () => recorder.run('silent client', 20, () => staySilent(ports.client))),
      ])
    },
  },
  {
    name: 'malformed requests',
    run: ({ ports }, recorder) =>
      each(nonsenseCount * 2, (index) =>
        recorder.run('malformed request', 100, () => talkNonsense(ports.client, index)),
      ),
  },
  { name: 'HTTP/2 rapid reset', run: resetHttp2 },
  { name: 'proxies stopped for 500 ms', run: pauseProxies },
  { name: 'upstream stopped for 2 s', run: pauseUpstream },
  { name: 'certificates rotated', run: (rig) => rig.rotateCertificates() },
  { name: 'listeners and routes changed by ADS', run: changeListeners },
  { name: 'control plane stopped and started again', run: stopControlPlane },
]
