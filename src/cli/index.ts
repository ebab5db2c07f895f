/**
 * The command line: commands as data in one table (`commands.ts`), each loaded when it is called.
 *
 *     bin/weft.ts -> runCli -> commands.ts -> commands/<name>.ts -> control/rest (client) | run/ | demo/
 *
 * `run/` is the supervisor that joins an application to the mesh; `demo/` is a whole mesh with a live view. A command
 * prints and answers an exit code; it knows no Envoy message beyond the bootstrap and decides nothing about traffic.
 */
export { type CommandContext, type CommandSpec } from './command.ts'
export { runCli } from './program.ts'
