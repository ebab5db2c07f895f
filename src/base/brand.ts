/** Nominal type: a `Base` that only its own constructor function may make. Costs nothing at run time. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name }
