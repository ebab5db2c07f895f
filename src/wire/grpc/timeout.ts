const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** Largest number that the eight digits hold. */
const maxAmount = 99_999_999

/** Milliseconds as a `grpc-timeout`, in the smallest unit that holds them. */
export function formatGrpcTimeout(ms: number): string {
  if (ms <= maxAmount) return `${ms}m`
  if (ms < (maxAmount + 1) * 1000) return `${Math.floor(ms / 1000)}S`
  if (ms < (maxAmount + 1) * 60_000) return `${Math.floor(ms / 60_000)}M`
  return `${Math.min(Math.floor(ms / 3_600_000), maxAmount)}H`
}

/** Milliseconds of a `grpc-timeout` (at most eight digits and a unit), rounded up; undefined when it is malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text)
  if (match === null) return undefined
  return Math.ceil(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0))
}
