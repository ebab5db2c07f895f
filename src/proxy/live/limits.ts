/** Longest wait of a cluster for its endpoints, of a listener for its routes and secrets, and of a request for its virtual host (Envoy's `initial_fetch_timeout`). */
export const warmingTimeoutMs = 15_000

/** Virtual hosts that the proxy asks for on demand, there or not; the control plane takes 10,000 of one stream. */
export const maxOnDemandHosts = 5000

/** Of these, answers "there is none" that are remembered; the oldest is given up for a new one. */
export const maxAbsentHosts = 1000

/** Requests that wait for a virtual host, over all of them. */
export const maxWaitingRequests = 10_000

/** Pause before another try to bind a listener, milliseconds; doubles with each failure. */
export const bindRetryMs = 250

/** Longest such pause, milliseconds. */
export const maxBindRetryMs = 10_000

/** Pause between two looks at the PEM files that TLS contexts name, milliseconds. */
export const tlsFilePollMs = 1_000

/** Pause between a change of the configuration and its writing to disk, milliseconds; changes in between are gathered. */
export const saveDelayMs = 500

/** Largest file of last good resources that is read. */
export const maxLastGoodBytes = 256 * 1024 * 1024
