/**
 * The REST API of the control plane: schemas (`contract.ts`), a typed client and the server's routes.
 *
 * The command line and `weft run` import from here only what they need to talk to a control plane: schemas, the client
 * and the server file. Nothing here starts anything; `../control-plane.ts` is the composition root.
 */
export { ApiError, type ApiClient, createApiClient, type ResourceName } from './client.ts'
export {
  type ApplyRequest,
  type ApplyResponse,
  type CertificateResponse,
  type DeleteResponse,
  type Enforcement,
  type ErrorResponse,
  type ProxyStatus,
  type ResourceList,
  type Status,
  type StoredResource,
  type TcpServices,
  type WorkloadInput,
  type WorkloadList,
  type WorkloadRequest,
  type WorkloadResponse,
} from './contract.ts'
export { defaultDataDir, findServerFile, readServerFile, type ServerFile, serverFileName } from './server-file.ts'
