// From what somebody asks of the audit log to the events that are meant: one meaning for the console, the admin API and the command line.
import { networkOf } from '../../config/network.ts'
import type { AuditFilter } from './audit-filter.ts'

/** What is asked for. All that is given must be so. */
export interface AuditQuestion extends Pick<AuditFilter, 'names' | 'outcome' | 'requestId' | 'reason' | 'since' | 'before'> {
  /** Who did it: an account's e-mail address or id, a client's id, or `system`. */
  readonly actor?: string | undefined
  /** On whom: an e-mail address or an id. */
  readonly account?: string | undefined
  readonly client?: string | undefined
  readonly session?: string | undefined
  readonly grant?: string | undefined
  /** An address, or a network as CIDR. */
  readonly ip?: string | undefined
}

/** Finds the id of the account that an e-mail address names. */
type AccountIdOf = (email: string) => Promise<string | undefined>

/** The filter; undefined when it asks for the account of an e-mail address that nobody has. @throws AddressFilterFault */
export async function filterOf(
  question: { readonly [Field in keyof AuditQuestion]: AuditQuestion[Field] | undefined },
  accountIdOf: AccountIdOf,
): Promise<AuditFilter | undefined> {
  const { actor, account, client, session, grant, ip, ...rest } = question
  const accountId = account === undefined ? undefined : await subjectOf(account, accountIdOf)
  if (account !== undefined && accountId === undefined) return undefined
  const wanted = {
    ...{ ...rest, accountId, clientId: client, sessionId: session, grantId: grant },
    actor: actor === undefined ? undefined : ((await subjectOf(actor, accountIdOf)) ?? actor),
    network: ip === undefined ? undefined : networkOf(ip),
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

/** An id is taken as it is: accounts that are no more have left events. */
async function subjectOf(text: string, accountIdOf: AccountIdOf): Promise<string | undefined> {
  return text.includes('@') ? accountIdOf(text) : text
}
