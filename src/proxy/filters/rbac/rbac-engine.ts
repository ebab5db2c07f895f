import type { RbacDefinition, RbacEngine, RbacPolicy, RbacSubject, RbacVerdict } from './contract.ts'
import { anyOf, isOfConnection, type RbacCondition } from './rbac-condition.ts'

/** Compiles rules (`envoy.config.rbac.v3.RBAC`). */
export function createRbacEngine(definition: RbacDefinition): RbacEngine {
  const denies = definition.action === 'deny'
  const policies = definition.policies.map((policy) => compilePolicy(policy, denies))
  const unmatched = verdict(denies, '')
  const failed = verdict(false, '')
  const decide = (subject: RbacSubject): RbacVerdict => {
    try {
      for (const policy of policies) if (policy.matches(subject)) return policy.verdict
      return unmatched
    } catch {
      return failed
    }
  }
  const ofConnection = definition.policies.every(({ permissions, principals }) =>
    [...permissions, ...principals].every(isOfConnection),
  )
  return Object.freeze({ ofConnection, decide })
}

interface CompiledPolicy {
  readonly matches: RbacCondition
  readonly verdict: RbacVerdict
}

function compilePolicy(policy: RbacPolicy, denies: boolean): CompiledPolicy {
  const permitted = anyOf(policy.permissions, denies)
  const identified = anyOf(policy.principals, denies)
  const anything = policy.permissions.some(({ kind }) => kind === 'any')
  return {
    matches: anything ? identified : (subject) => permitted(subject) && identified(subject),
    verdict: verdict(!denies, policy.name),
  }
}

function verdict(allowed: boolean, policy: string): RbacVerdict {
  // Response code details hold no white space, as in Envoy.
  const name = policy === '' ? 'none' : policy.replaceAll(/\s/g, '_')
  return Object.freeze({ allowed, policy, details: `rbac_access_denied_matched_policy[${name}]` })
}
