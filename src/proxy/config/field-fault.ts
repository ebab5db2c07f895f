/** Why an xDS resource was refused: the path of the field inside the resource and what is wrong with it. */
export interface FieldFault {
  /** For example `filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[2].routes[0].route.hash_policy`. Proto names. */
  readonly path: string
  readonly message: string
}
