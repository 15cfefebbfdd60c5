// A resource server as it is given to us, in a provision file or by an administrator: what its members may be, by their names there.
import { z } from 'zod'
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { identifierFault, resourceScopeFault, scopeDescriptionFault, scopeListFault } from './resource-server-rules.ts'
import type { ResourceServer } from './resource-servers-store.ts'

const text = z.string('it must be text')

/** How each member is read. `issuer` is this server, which no resource server may pass for. */
export function resourceServerMembers(issuer: string) {
  return {
    identifier: checked((identifier) => identifierFault(identifier, issuer)),
    name: text
      .min(1, 'it must not be empty')
      .max(200, 'it must have 200 characters at most')
      .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'it must not have control characters')
      .optional(),
    scopes: listOf(checked(resourceScopeFault)).superRefine((scopes, context) => {
      const message = scopeListFault(scopes)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
    scope_descriptions: z
      .record(text, checked(scopeDescriptionFault), 'it must be scopes with their texts')
      .default({})
      .meta({ description: 'scope → what people read on the consent page' }),
    access_token_format: z.enum(['jwt', 'opaque'], 'it must be jwt or opaque').default('jwt'),
    access_token_ttl: z
      .int('it must be a number of seconds')
      .min(1, 'it must be 1 or more')
      .max(LONGEST_ACCESS_TOKEN, `it must be ${LONGEST_ACCESS_TOKEN} at most`)
      .optional(),
    default: z.boolean('it must be true or false').default(false),
    clients: listOf(text.regex(/^[\x21-\x7E]{1,200}$/, 'it must be a client_id'))
      .max(100, 'it must have 100 entries at most')
      .default([]),
  }
}

/** How all of it is read. */
export function resourceServerEntry(issuer: string) {
  return z.strictObject(resourceServerMembers(issuer)).superRefine(checkDescriptions)
}

/** What the members must be together. */
export function checkDescriptions(
  { scopes, scope_descriptions: descriptions }: Pick<ResourceServerEntry, 'scopes' | 'scope_descriptions'>,
  context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  for (const scope of Object.keys(descriptions)) {
    if (!scopes.includes(scope))
      context.addIssue({ code: 'custom', path: ['scope_descriptions', scope], message: 'it is not one of the scopes' })
  }
}

/** A resource server that is right in itself. */
export type ResourceServerEntry = z.output<z.ZodObject<ReturnType<typeof resourceServerMembers>>>

/** What it registers. `accessTokenTtl` is that of one that does not say. */
export function resourceServerOf(entry: ResourceServerEntry, accessTokenTtl: number): ResourceServer {
  return {
    identifier: entry.identifier,
    ...(entry.name === undefined ? {} : { name: entry.name }),
    scopes: entry.scopes,
    ...(Object.keys(entry.scope_descriptions).length === 0 ? {} : { scopeDescriptions: entry.scope_descriptions }),
    accessTokenFormat: entry.access_token_format,
    accessTokenTtl: entry.access_token_ttl ?? accessTokenTtl,
    isDefault: entry.default,
    clientIds: entry.clients,
  }
}

function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item, 'it must be a list').superRefine((list, context) => {
    list.forEach((one, index) => {
      if (list.indexOf(one) < index) context.addIssue({ code: 'custom', path: [index], message: 'it stands there twice' })
    })
  })
}

function checked(fault: (value: string) => string | undefined) {
  return text.superRefine((value, context) => {
    const message = fault(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}
