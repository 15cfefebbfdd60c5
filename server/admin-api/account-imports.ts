// Imports of people from another system.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { MOST_IMPORTED, readCsvRows, readJsonRows, UnreadableImport } from '../accounts/account-import-rows.ts'
import type { ImportAccounts, ImportedLine } from '../accounts/account-imports.ts'
import { HttpProblem } from '../http/problems.ts'
import { type ApiRoute, route } from './route.ts'
import { flagAsked, reason } from './shapes.ts'

/** Enough for as many people as an import takes, each with a hash and a profile. */
const MOST_BYTES = 5 * 1024 * 1024

/** Makes the route. */
export function accountImportRoutes({ importAccounts }: { readonly importAccounts: ImportAccounts }): ApiRoute[] {
  return [
    route({
      method: 'post',
      path: '/accounts/imports',
      name: 'importAccounts',
      tag: 'Accounts',
      summary: 'Import people from another system',
      description: `Up to ${MOST_IMPORTED} people and 5 MiB: \`accounts\` as a list of objects, or CSV, as text in \`csv\` or as a body of type \`text/csv\` with \`dry_run\` and \`reason\` in the address. The first line of CSV names the columns: email, name, email_verified, password_hash, roles. Each is looked at by itself; an account that exists stays as it is, so an import that was broken off can be sent again.`,
      access: ACCESS.accounts.import,
      query: z.strictObject({ dry_run: flagAsked.optional(), reason }),
      body: z
        .strictObject({
          accounts: z
            .array(z.unknown(), 'it must be a list')
            .max(MOST_IMPORTED, `it must name ${MOST_IMPORTED} people at most`)
            .optional()
            .meta({ override: { type: 'array', items: { type: 'object' } } }),
          csv: z.string('it must be text').optional(),
          dry_run: z.boolean('it must be true or false').optional().meta({ description: 'Only says what would be made.' }),
          reason,
        })
        .refine(({ accounts, csv }) => (accounts === undefined) !== (csv === undefined), 'it must have either accounts or csv'),
      mostBytes: MOST_BYTES,
      csv: true,
      outcomes: { 200: { description: 'What came of each.', schema: reportShape } },
      async handle({ query, body, change }) {
        const rows = await readable(body.csv === undefined ? readJsonRows(body.accounts ?? []) : readCsvRows(body.csv))
        const dryRun = query.dry_run ?? body.dry_run ?? false
        const { lines, ...counts } = await importAccounts({ rows, dryRun }, change(query.reason ?? body.reason))
        return { body: { dry_run: dryRun, ...counts, lines: lines.map(showLine) } }
      },
    }),
  ]
}

const reportShape = z
  .object({
    dry_run: z.boolean(),
    created: z.int(),
    exists: z.int(),
    refused: z.int(),
    lines: z.array(
      z.object({
        line: z.int().meta({ description: 'Of CSV the line, of a list the place; both from 1.' }),
        email: z.string().nullable(),
        outcome: z.enum(['created', 'exists', 'refused']),
        account_id: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'AccountImport' })

function showLine({ line, email, outcome, accountId, detail }: ImportedLine) {
  return { line, email: email ?? null, outcome, account_id: accountId ?? null, detail: detail ?? null }
}

async function readable<Rows>(reading: Promise<Rows>): Promise<Rows> {
  try {
    return await reading
  } catch (error) {
    if (!(error instanceof UnreadableImport)) throw error
    const text = error.message
    throw new HttpProblem(400, 'Not readable', `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, {
      type: 'invalid-request',
      cause: error,
    })
  }
}
