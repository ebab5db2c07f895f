/**
 * The success rate below which a host stands out: the mean less `factor` standard deviations of the population
 * (Envoy `success_rate_stdev_factor`, divided by 1000). Rates are in percent; there is at least one.
 */
export function successRateThreshold(rates: readonly number[], factor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return mean - factor * Math.sqrt(variance)
}
