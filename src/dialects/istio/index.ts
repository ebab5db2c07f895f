/**
 * Istio's networking kinds in all their API versions, which are spellings of one schema. One folder for each kind:
 *
 *     schema.ts     every field there is: read, or refused by name where the mesh does not do it yet
 *     validate.ts   what must hold between fields
 *     translate.ts  what the object means, with Istio's implicit defaults made explicit
 */
export { istio } from './istio.ts'
