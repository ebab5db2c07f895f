/**
 * The proxy's own identity: keys made here, certificates signed by the control plane, renewed at half life.
 *
 *     disk (still valid?) --yes--> current --half life--> gRPC Renew over mTLS --> disk, current
 *          no --> join token, HTTPS POST /v1/certificates ----^
 *
 * Keys and tokens are never logged. What uses the certificate (secrets of the data plane, the ADS channel) is told by
 * a callback.
 */
export { type EnrolmentSource, type IssuedCertificate, requestFirstCertificate } from './enrol.ts'
export { followIdentity } from './followed-identity.ts'
export { createIdentityFiles, type IdentityFiles } from './identity-files.ts'
export { type WorkloadCertificate } from './workload-certificate.ts'
export { openWorkloadIdentity, type WorkloadIdentity, type WorkloadIdentityOptions } from './workload-identity.ts'
