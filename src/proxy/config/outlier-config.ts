/** What an endpoint can be ejected for; the names are those of Envoy's counters `outlier_detection.ejections_enforced_<kind>`. */
export type EjectionKind =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'local_origin_success_rate'
  | 'failure_percentage'
  | 'local_origin_failure_percentage'

/** `envoy.config.cluster.v3.OutlierDetection`, compiled; every default is Envoy's. */
export interface OutlierConfig {
  /** 10 s by default. */
  readonly intervalMs: number
  /** 30 s by default. */
  readonly baseEjectionMs: number
  /** 300 s by default, or `baseEjectionMs` if that is longer. */
  readonly maxEjectionMs: number
  /** 0 by default. */
  readonly maxEjectionJitterMs: number
  /** 10 by default: with less than ten endpoints none is ejected, unless `alwaysEjectOneHost`. */
  readonly maxEjectionPercent: number
  readonly alwaysEjectOneHost: boolean
  /** Failures to connect and timeouts are counted apart from what endpoints answer. */
  readonly splitLocalOrigin: boolean
  /** `successful_active_health_check_uneject_host: false`: an ejection lasts although the endpoint passes its active checks. */
  readonly outlastsChecks?: boolean
  /** In a row; 5 by default, 0 never. */
  readonly consecutive5xx: number
  readonly consecutiveGatewayFailure: number
  readonly consecutiveLocalOriginFailure: number
  /** 5 endpoints with 100 requests in an interval each, by default; the factor is in thousandths, 1900. */
  readonly successRate: { readonly minimumHosts: number; readonly requestVolume: number; readonly stdevFactor: number }
  /** 85 percent of 50 requests in an interval, with 5 such endpoints, by default. */
  readonly failurePercentage: {
    readonly threshold: number
    readonly minimumHosts: number
    readonly requestVolume: number
  }
  /** Of a hundred detections so many eject. */
  readonly enforcing: Readonly<Record<EjectionKind, number>>
}
