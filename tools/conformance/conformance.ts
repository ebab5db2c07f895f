/**
 * `npm run conformance -- NAME...`: what others say about our protocols; all of it when no name is given. Each name ends with a
 * line `NAME: N passed, N failed`; exit 1 when anything failed.
 */

/** One judge: prints what is wrong, and counts. */
export interface Judge {
  run(): Promise<{ readonly passed: number; readonly failed: number }>
}

const judges: Readonly<Record<string, () => Promise<Judge>>> = {
  hpack: () => import('./hpack.ts'),
  llhttp: () => import('./llhttp.ts'),
  smuggling: () => import('./smuggling.ts'),
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(judges)
let fine = true
for (const name of names) {
  const load = judges[name]
  if (load === undefined) {
    console.error(`No such judge: ${name}; there are ${Object.keys(judges).join(', ')}`)
    process.exit(2)
  }
  const { passed, failed } = await (await load()).run()
  console.log(`${name}: ${passed} passed, ${failed} failed`)
  fine &&= failed === 0
}
process.exit(fine ? 0 : 1)
