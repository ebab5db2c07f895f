/**
 * Bookinfo, a small shop page in six services, and the products service: what the demo and the tests run.
 *
 *     traffic -> productpage -> details
 *                           \-> reviews v1 | v2 | v3 -> ratings (v2 and v3)
 *
 * Each is a process of its own that reads `PORT` and `SERVICE_VERSION` and calls its peers by ordinary names
 * (`http://reviews:9080`) through `HTTP_PROXY`. Nothing here knows that there is a mesh.
 */
import bookinfoYaml from './bookinfo.yaml' with { type: 'text' }
import productsYaml from './products.yaml' with { type: 'text' }
import ratingsAbortYaml from './ratings-abort.yaml' with { type: 'text' }
import reviewsSplitYaml from './reviews-80-20.yaml' with { type: 'text' }
import { type Application } from './application.ts'
import { details } from './details.ts'
import { productpage } from './productpage.ts'
import { products } from './products.ts'
import { ratings } from './ratings.ts'
import { reviews } from './reviews.ts'
import { traffic } from './traffic.ts'

export { type Application, type RunningApplication, startApplication } from './application.ts'

/** The applications by name; each is made for a version. */
export const applications: ReadonlyMap<string, (version: string) => Application> = new Map([
  ['productpage', productpage],
  ['details', details],
  ['reviews', reviews],
  ['ratings', ratings],
  ['products', products],
  ['traffic', traffic],
])

/** The manifests beside this file, by name, embedded so that the single executable has them. */
export const manifests: Readonly<Record<'bookinfo' | 'products' | 'ratings-abort' | 'reviews-80-20', string>> = {
  bookinfo: bookinfoYaml,
  products: productsYaml,
  'ratings-abort': ratingsAbortYaml,
  'reviews-80-20': reviewsSplitYaml,
}
