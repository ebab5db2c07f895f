import type { AdsServer, AdsServerOptions } from './contract.ts'

/** Starts an ADS server with mutual TLS; resolves when it is bound. */
export async function createAdsServer(options: AdsServerOptions): Promise<AdsServer> {
  throw new Error(`Not yet available on ${options.host}`)
}
