// How the audit log is asked for what is looked for, and how an event is shown.
import { z } from 'zod'
import { isNetwork } from '../../config/network.ts'
import { type AuditFilter, namesEvents } from '../audit/audit-filter.ts'
import { filterOf } from '../audit/audit-question.ts'
import { AUDIT_OUTCOMES } from '../audit/event-names.ts'
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
  outcome: z.enum(AUDIT_OUTCOMES, 'it must be succeeded or failed').optional(),
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
    outcome: z.enum(AUDIT_OUTCOMES),
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

type Asked = z.output<z.ZodObject<typeof standing>> & Partial<Record<'since' | 'before', Date | undefined>>

/** Undefined when it asks for an account that is not there. */
export function askedFilter(
  { name: names, request_id: requestId, ...rest }: Asked,
  accountIdOf: (name: string) => Promise<string | undefined>,
): Promise<AuditFilter | undefined> {
  return filterOf({ ...rest, names, requestId }, accountIdOf)
}
