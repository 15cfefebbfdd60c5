// The first owner: whoever holds a one-time link makes that account. There is no default password, and no page that
// anyone could come to first.
import { createHash, randomBytes } from 'node:crypto'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { type Origin, recordAudit } from '../audit/audit.ts'
import type { Database } from '../storage/postgres.ts'
import { type Account, type Accounts, EmailTaken, InvalidAccount } from './accounts.ts'
import { countActiveOwners } from './accounts-store.ts'
import { isEmailAddress } from './email-key.ts'
import { findPasswordFault, type PasswordFault } from './password-policy.ts'
import type { Passwords } from './passwords.ts'
import { insertSetupLink, isLiveSetupLink, lockSetup, useSetupLink } from './setup-links-store.ts'

/** There is an owner already: a link would do nothing. */
export class OwnerExists extends Error {
  override readonly name = 'OwnerExists'
}

/** What the person writes about themselves. */
export interface OwnerInput {
  readonly email: string
  readonly name: string
  readonly password: string
  readonly origin: Origin
}

/** What came of using a link. */
export type SetupOutcome =
  | { readonly outcome: 'done'; readonly account: Account }
  /** The link was used, has expired, or never was. */
  | { readonly outcome: 'dead_link' }
  | { readonly outcome: 'refused'; readonly reason: 'email_invalid' | 'email_taken' | 'name_invalid' | PasswordFault }

/** One-time links by which the first owner is made. */
export interface SetupLinks {
  /** Whether an active account has the role `owner`. */
  ownerExists(): Promise<boolean>
  /** Makes a link. The first one that is used voids the others. @throws OwnerExists */
  issue(): Promise<{ readonly token: string; readonly expiresAt: Date }>
  /** Whether a link can be used. */
  isLive(token: string): Promise<boolean>
  /** Uses a link; of any number at once, exactly one makes an owner. @throws HashingBusy */
  redeem(token: string, owner: OwnerInput): Promise<SetupOutcome>
}

/** Makes it. */
export function createSetupLinks(deps: {
  readonly db: Database
  readonly accounts: Accounts
  readonly passwords: Passwords
  readonly policy: PasswordPolicy
  readonly lifetimeSeconds: number
}): SetupLinks {
  const { db, accounts, passwords, policy, lifetimeSeconds } = deps

  async function check({
    email,
    name,
    password,
  }: OwnerInput): Promise<Extract<SetupOutcome, { outcome: 'refused' }> | undefined> {
    if (!isEmailAddress(email)) return { outcome: 'refused', reason: 'email_invalid' }
    const fault = await findPasswordFault(password, policy, { email, name })
    return fault === undefined ? undefined : { outcome: 'refused', reason: fault }
  }

  async function makeOwner(digest: Digest, owner: OwnerInput, passwordHash: string): Promise<SetupOutcome> {
    const { email, name, origin } = owner
    return await db.$transaction(async (tx) => {
      await lockSetup(tx)
      if ((await countActiveOwners(tx)) > 0 || !(await isLiveSetupLink(tx, digest))) return { outcome: 'dead_link' }
      const account = await accounts.create({ email, name, passwordHash, roles: ['owner'] }, tx)
      await useSetupLink(tx, digest)
      const about = { actor: account.id, accountId: account.id, ...origin }
      await recordAudit(tx, { name: 'account.created', detail: { roles: ['owner'] }, ...about })
      await recordAudit(tx, { name: 'setup.completed', ...about })
      return { outcome: 'done', account }
    })
  }

  return {
    ownerExists: async () => (await countActiveOwners(db)) > 0,

    async issue() {
      const token = `setup_${randomBytes(32).toString('base64url')}`
      const expiresAt = await db.$transaction(async (tx) => {
        await lockSetup(tx)
        if ((await countActiveOwners(tx)) > 0) throw new OwnerExists('there is an owner already')
        const end = await insertSetupLink(tx, digestOf(token), lifetimeSeconds)
        await recordAudit(tx, { name: 'setup_link.created', actor: 'system', detail: { expires_at: end.toISOString() } })
        return end
      })
      return { token, expiresAt }
    },

    isLive: (token) => isLiveSetupLink(db, digestOf(token)),

    async redeem(token, owner) {
      const digest = digestOf(token)
      // Looked at before anything is hashed, so that strangers cannot make the server work; and again under the lock.
      if (!(await isLiveSetupLink(db, digest))) return { outcome: 'dead_link' }
      const refusal = await check(owner)
      if (refusal !== undefined) return refusal
      const hash = await passwords.hash(owner.password)
      try {
        return await makeOwner(digest, owner, hash)
      } catch (error) {
        if (error instanceof EmailTaken) return { outcome: 'refused', reason: 'email_taken' }
        if (error instanceof InvalidAccount) return { outcome: 'refused', reason: 'name_invalid' }
        throw error
      }
    },
  }
}

type Digest = Buffer<ArrayBuffer>

/** The secret is random and long, so a plain digest keeps it. */
function digestOf(token: string): Digest {
  return Buffer.from(createHash('sha256').update(token).digest())
}
