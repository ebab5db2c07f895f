import { type Application, json, podName } from './application.ts'

const stock = [
  { id: 1, name: 'Linen warp thread', unit: 'spool' },
  { id: 2, name: 'Wool weft yarn', unit: 'skein' },
  { id: 3, name: 'Boat shuttle', unit: 'piece' },
] as const

/** The products service: `/listproducts`; v2 adds the unit, v3 the unit and the length of the list. */
export function products(version: string): Application {
  return {
    service: 'products',
    version,
    routes: {
      '/listproducts': () => {
        const list = version === 'v1' ? stock.map(({ id, name }) => ({ id, name })) : stock
        const pod = podName({ service: 'products', version })
        return json({ version, podname: pod, ...(version === 'v3' ? { count: list.length } : {}), products: list })
      },
    },
  }
}
