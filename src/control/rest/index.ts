/**
 * The REST API of the control plane as both ends see it: schemas, a typed client, and the file that says where the server
 * is. The server itself stands in `http/`.
 *
 * The command line and `weft run` import this and nothing else of the control plane: it starts nothing and loads neither
 * the store nor gRPC nor the certificate library.
 */
export { ApiError, type ApiClient, createApiClient, type ResourceName } from './client.ts'
export {
  type ApplyRequest,
  applyRequestSchema,
  type ApplyResponse,
  applyResponseSchema,
  certificateRequestSchema,
  certificateResponseSchema,
  deleteRequestSchema,
  deleteResponseSchema,
  diagnosticSchema,
  enforcementSchema,
  errorResponseSchema,
  resourceListSchema,
  statusSchema,
  storedResourceSchema,
  tcpServicesSchema,
  workloadListSchema,
  workloadRequestSchema,
  workloadResponseSchema,
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
