/**
 * Listening sockets that go from one process to another: from a proxy to its successor, from a supervisor to its workers.
 *
 *     successor --hello, take 0.0.0.0:8080--> predecessor        (Unix socket; descriptors go by SCM_RIGHTS)
 *               <------ descriptor ----------
 *               --ready--------------------->  stops accepting, drains, ends
 *
 * Both have the same socket, not two on one port: a connection in its queue is accepted by whoever is there, and none is
 * reset when one of them closes it. Knows nothing of listeners' configuration and starts no process.
 */
export { connectHandover, type HandoverClient } from './handover-client.ts'
export { type HandoverHost, type HandoverServer, startHandoverServer } from './handover-server.ts'
