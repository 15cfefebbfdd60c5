// How the audit log is asked for what is looked for, and how an event is shown.
import { z } from 'zod'
import { type AuditFilter, namesEvents } from '../audit/audit-filter.ts'
import { networkOf } from '../sessions/session-filter.ts'
import { moment, momentAsked, name } from './shapes.ts'

/** Filters that say what an event is. */
export const standing = {
  name: z
    .string('it must be text')
    .max(2000, 'it must have 2000 characters at most')
    .transform((text) => text.split(','))
    .refine((names) => names.every(namesEvents), 'each must be the name of an event, or end in .* as in session.*')
    .optional()
    .meta({
      description: 'Names of events, separated by commas; `session.*` means all that begin so.',
      override: { type: 'string' },
    }),
  outcome: z.enum(['succeeded', 'failed'], 'it must be succeeded or failed').optional(),
  actor: name.optional().meta({ description: 'Who did it: an account (id or e-mail address), a client, or `system`.' }),
  account: name.optional().meta({ description: 'On whom: an account, by its id or e-mail address.' }),
  client: name.optional().meta({ description: 'A client, by its client_id.' }),
  session: name.optional(),
  grant: name.optional(),
  ip: z
    .string()
    .max(60)
    .refine(isNetwork, 'it must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24')
    .optional()
    .meta({ description: 'An address, or a network as CIDR.' }),
  request_id: name.optional(),
  reason: name.max(100, 'it must have 100 characters at most').optional().meta({ description: 'What the reason begins with.' }),
}

/** All filters. */
export const filters = {
  ...standing,
  since: momentAsked.optional().meta({ description: 'At that time or later.' }),
  before: momentAsked.optional().meta({ description: 'Before that time.' }),
}

/** An event. */
export const eventShape = z
  .object({
    id: z.string(),
    at: moment,
    name: z.string().meta({ example: 'session.revoked' }),
    outcome: z.enum(['succeeded', 'failed']),
    actor: z.string().nullable(),
    account_id: z.string().nullable(),
    client_id: z.string().nullable(),
    session_id: z.string().nullable(),
    grant_id: z.string().nullable(),
    address: z.string().nullable(),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
    reason: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEvent' })

type AuditAsked = z.output<z.ZodObject<typeof filters>>

/** Undefined when it asks for an account that is not there. */
export async function filterOf(
  asked: Omit<AuditAsked, 'since' | 'before'> & Partial<Pick<AuditAsked, 'since' | 'before'>>,
  accountIdOf: (name: string) => Promise<string | undefined>,
): Promise<AuditFilter | undefined> {
  const { account, actor, client, session, grant, ip, request_id: requestId, name: names, ...rest } = asked
  const accountId = account === undefined ? undefined : await subjectOf(account, accountIdOf)
  if (account !== undefined && accountId === undefined) return undefined
  const wanted = {
    ...{ ...rest, names, accountId, requestId },
    actor: actor === undefined ? undefined : ((await subjectOf(actor, accountIdOf)) ?? actor),
    clientId: client,
    sessionId: session,
    grantId: grant,
    network: ip === undefined ? undefined : networkOf(ip),
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

/** An id is taken as it is: accounts that are no more have left events. */
async function subjectOf(text: string, accountIdOf: (name: string) => Promise<string | undefined>): Promise<string | undefined> {
  return text.includes('@') ? accountIdOf(text) : text
}

function isNetwork(text: string): boolean {
  try {
    networkOf(text)
    return true
  } catch {
    return false
  }
}
