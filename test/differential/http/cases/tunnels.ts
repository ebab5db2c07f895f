import {
  type Answer,
  closed,
  type HttpCase,
  received,
  request,
  response,
  send,
  upstreamClosed,
  upstreamEnd,
  upstreamGot,
  upstreamSend,
} from '../case.ts'

const answered = (text: string): readonly Answer[] => [{ send: text }]
const upgrade = { upgrade_configs: [{ upgrade_type: 'websocket' }] }
const websocket = request('GET /chat', ['Connection: Upgrade', 'Upgrade: websocket'])
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const connectManager = { upgrade_configs: [{ upgrade_type: 'CONNECT' }] }
const connectRoutes = [{ match: { connect_matcher: {} }, route: { cluster: 'CLUSTER' } }]
const endingRoutes = [
  {
    match: { connect_matcher: {} },
    route: { cluster: 'CLUSTER', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
  },
]
const connectRequest = request('CONNECT db.test:5432 HTTP/1.1', ['Host: db.test:5432'])

/** CONNECT, passed on and ended here; upgrades that routes allow; what comes behind a tunnel that is not. */
export const tunnels: readonly HttpCase[] = [
  {
    name: 'CONNECT passed on',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered('HTTP/1.1 200 Connection Established\r\n\r\n'),
    steps: [
      send(connectRequest),
      received('200'),
      send('one'),
      upstreamGot('one'),
      upstreamSend('two'),
      received('two'),
      upstreamEnd('fin'),
      closed,
    ],
  },
  {
    name: 'CONNECT answered by 200 with a length',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef'),
    steps: [send(connectRequest), received('abcdef'), upstreamEnd('fin'), closed],
  },
  {
    name: 'CONNECT refused by the upstream',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered(response('403 Forbidden', [], 'no')),
    steps: [send(connectRequest), received('no'), closed],
  },
  {
    name: 'CONNECT answered by 101',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered(switching),
    steps: [send(connectRequest), closed],
  },
  {
    name: 'CONNECT passed on with another host',
    manager: connectManager,
    routes: [{ match: { connect_matcher: {} }, route: { cluster: 'CLUSTER', host_rewrite_literal: 'other.test:1' } }],
    answers: answered('HTTP/1.1 200 OK\r\n\r\n'),
    steps: [send(connectRequest), received('200'), { kind: 'fin' }, upstreamClosed, closed],
  },
  {
    name: 'CONNECT whose target is not Host',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered('HTTP/1.1 200 OK\r\n\r\n'),
    steps: [
      send(request('CONNECT db.test:5432 HTTP/1.1', ['Host: app.test'])),
      received('200'),
      { kind: 'fin' },
      upstreamClosed,
      closed,
    ],
  },
  { name: 'CONNECT with a route and not enabled', routes: connectRoutes, steps: [send(connectRequest), closed] },
  {
    name: 'CONNECT disabled by the route',
    manager: connectManager,
    routes: [
      {
        match: { connect_matcher: {} },
        route: { cluster: 'CLUSTER', upgrade_configs: [{ upgrade_type: 'CONNECT', enabled: false }] },
      },
    ],
    steps: [send(connectRequest), closed],
  },
  { name: 'CONNECT with no route of its own', manager: connectManager, steps: [send(connectRequest), closed] },
  {
    name: 'GET with a route for CONNECT alone',
    manager: connectManager,
    routes: connectRoutes,
    steps: request('GET /'),
  },
  {
    name: 'CONNECT answered directly',
    manager: connectManager,
    routes: [{ match: { connect_matcher: {} }, direct_response: { status: 200, body: { inline_string: 'here' } } }],
    steps: [send(connectRequest), received('here'), closed],
  },
  {
    name: 'CONNECT ended here',
    routes: endingRoutes,
    tunnel: true,
    answers: [{ on: 'connect' }],
    steps: [
      send(connectRequest),
      received('200'),
      send('one'),
      upstreamGot('one'),
      upstreamSend('two'),
      received('two'),
      upstreamEnd('fin'),
      closed,
    ],
  },
  {
    name: 'CONNECT ended here, the server speaks first',
    routes: endingRoutes,
    tunnel: true,
    answers: [{ on: 'connect', send: 'hello' }],
    steps: [send(connectRequest), received('hello'), upstreamEnd('fin'), closed],
  },
  {
    name: 'CONNECT ended here, octets ahead of the answer',
    routes: endingRoutes,
    tunnel: true,
    answers: [{ on: 'connect' }],
    steps: [send(`${connectRequest}early`), upstreamGot('early'), upstreamEnd('fin'), closed],
  },
  {
    name: 'CONNECT ended here, the client leaves',
    routes: endingRoutes,
    tunnel: true,
    answers: [{ on: 'connect' }],
    steps: [send(connectRequest), received('200'), { kind: 'fin' }, upstreamClosed, closed],
  },
  {
    name: 'CONNECT ended here, nobody listens',
    routes: [
      {
        match: { connect_matcher: {} },
        route: { cluster: 'REFUSED', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
      },
    ],
    steps: [send(connectRequest), closed],
  },
  {
    name: 'websocket enabled by the route',
    routes: [
      { match: { prefix: '/' }, route: { cluster: 'CLUSTER', upgrade_configs: [{ upgrade_type: 'websocket' }] } },
    ],
    answers: answered(switching),
    steps: [send(websocket), received('101'), upstreamEnd('fin'), closed],
  },
  {
    name: 'websocket disabled by the route',
    manager: upgrade,
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'CLUSTER', upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] },
      },
    ],
    steps: [send(websocket), closed],
  },
  {
    name: 'websocket answered by 200, with a request behind',
    manager: upgrade,
    answers: answered(response('200 OK', [], 'ok')),
    steps: [send(`${websocket}${request('GET /smuggled')}`), received('ok'), closed],
  },
  {
    name: 'CONNECT refused by the upstream, with a request behind',
    manager: connectManager,
    routes: connectRoutes,
    answers: answered(response('403 Forbidden', [], 'no')),
    steps: [send(`${connectRequest}${request('GET /smuggled')}`), received('no'), closed],
  },
]
