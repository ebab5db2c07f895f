/** Distinct resource types on one stream; Envoy uses about ten. */
export const maxTypes = 64

/** Names that one stream may subscribe to for one type. */
export const maxSubscribedNames = 100_000

/** Virtual hosts that one stream may ask for on demand; each one makes the control plane compile more. */
export const maxAuthorities = 10_000

/** Bytes of a resource name. */
export const maxNameLength = 2048

/** A delta response carries about this much and the rest follows after its acknowledgement (grpc clients read 4 MiB by default). */
export const maxResponseBytes = 2 * 1024 * 1024

/** Largest request read: `initial_resource_versions` of a big proxy. */
export const maxRequestBytes = 16 * 1024 * 1024
