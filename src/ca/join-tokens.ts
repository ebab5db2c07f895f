import { createHash, randomBytes } from 'node:crypto'
import { type Clock, err, ok, type Result } from '../base/index.ts'
import { ConflictError, type Store } from '../store/index.ts'
import { CaError } from './ca-error.ts'

/** A join token can be used for five minutes, once. */
export const joinTokenLifetimeMs = 5 * 60 * 1000

/** Live tokens at any time; more only means that somebody asks in a loop. */
const maxTokens = 20_000

const prefix = 'join-tokens/'

/** What a token proves about who presents it. */
export interface JoinTokenClaims {
  readonly workloadId: string
  readonly spiffeId: string
}

/** Single-use join tokens; the store holds only hashes, so a copy of it admits nobody. */
export interface JoinTokens {
  /** A new token of 256 random bits, bound to one workload. */
  readonly create: (claims: JoinTokenClaims) => Promise<Result<string, CaError>>
  /** Uses a token up. Unknown, used and expired ones are one error, so that none can be told from another. */
  readonly redeem: (token: string) => Promise<Result<JoinTokenClaims, CaError>>
}

interface StoredToken extends JoinTokenClaims {
  readonly expiresAt: number
}

/** Makes the token office over `store`. */
export function createJoinTokens(store: Store, clock: Clock): JoinTokens {
  return {
    create: async (claims) => {
      const token = randomBytes(32).toString('base64url')
      const now = clock.now()
      const { objects } = await store.list(prefix)
      const expired = objects.filter((object) => (parseToken(object.value)?.expiresAt ?? 0) <= now)
      if (objects.length - expired.length >= maxTokens) {
        return err(new CaError('WEFT_CA_TOO_MANY_TOKENS', `Expected at most ${maxTokens} unused join tokens`))
      }
      const value: StoredToken = { ...claims, expiresAt: now + joinTokenLifetimeMs }
      await store.commit([
        ...expired.map((object) => ({ kind: 'delete', key: object.key }) as const),
        { kind: 'put', key: tokenKey(token), value: JSON.stringify(value), expectedRevision: 0 },
      ])
      return ok(token)
    },
    redeem: async (token) => {
      const key = tokenKey(token)
      const object = await store.get(key)
      const stored = object === undefined ? undefined : parseToken(object.value)
      if (object === undefined || stored === undefined) return refused()
      try {
        // The deletion, conditional on the revision, is what makes it single use: of two redeemers one gets a conflict.
        await store.commit([{ kind: 'delete', key, expectedRevision: object.revision }])
      } catch (cause) {
        if (cause instanceof ConflictError) return refused()
        throw cause
      }
      if (stored.expiresAt <= clock.now()) return refused()
      return ok({ workloadId: stored.workloadId, spiffeId: stored.spiffeId })
    },
  }
}

function tokenKey(token: string): string {
  return `${prefix}${createHash('sha256').update(token).digest('hex')}`
}

function refused(): Result<never, CaError> {
  return err(new CaError('WEFT_CA_JOIN_TOKEN', 'Join token refused: unknown, already used or expired'))
}

function parseToken(text: string): StoredToken | undefined {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { workloadId, spiffeId, expiresAt } = value as Record<string, unknown>
  if (typeof workloadId !== 'string' || typeof spiffeId !== 'string' || typeof expiresAt !== 'number') return undefined
  return { workloadId, spiffeId, expiresAt }
}
