// The rights of the role that the server works with, where another one owns the tables (MIGRATION_DATABASE_URL): it reads and writes
// everything, changes no schema, and can only add to the audit log.
import pg from 'pg'
import type { MigrationTarget, MigrationTransaction } from './migration-target.ts'
import { unavailableOr } from './postgres-errors.ts'

/** How the server's role stands to the tables. */
export type RoleStanding =
  /** It has what it needs, and no more than that. */
  | 'restricted'
  /** It owns the tables, or may act for their owner: nothing can be kept from it. */
  | 'owner'

/** Rows of these are added, and never changed. */
const ONLY_ADDED_TO = ['audit_events', 'audit_seals']

const CONNECT_TIMEOUT_MS = 5000

/** The role that a URL signs in as. @throws StorageUnavailable */
export async function roleOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  try {
    await client.connect()
    const { rows } = await client.query<{ role: string }>('SELECT current_user AS role')
    return rows[0]?.role ?? ''
  } catch (error) {
    throw unavailableOr(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Gives a role what it lacks, and takes what it must not have. Nothing is written when all is as it should be. */
export function restrictRole(target: MigrationTarget, role: string): Promise<RoleStanding> {
  return target.transaction(async (transaction) => {
    if (await actsForOwner(transaction, role)) return 'owner'
    if (await isRight(transaction, role)) return 'restricted'
    // Processes that start at once would meet on the same rows of the catalogue.
    await transaction.script('SELECT pg_advisory_xact_lock(72707369)')
    await transaction.script(await grantsFor(transaction, role))
    return 'restricted'
  })
}

async function actsForOwner(transaction: MigrationTransaction, role: string): Promise<boolean> {
  const rows = await transaction.rows(
    `SELECT r.rolsuper OR pg_has_role(r.oid, c.relowner, 'USAGE') AS owner
     FROM pg_roles r, pg_class c WHERE r.rolname = $1 AND c.oid = 'audit_events'::regclass`,
    role,
  )
  return rows[0]?.owner === true
}

async function isRight(transaction: MigrationTransaction, role: string): Promise<boolean> {
  const rows = await transaction.rows(
    `SELECT bool_and(has_table_privilege($1, c.oid, 'SELECT') AND (c.relname = '_prisma_migrations' OR (
         has_table_privilege($1, c.oid, 'INSERT')
         AND has_table_privilege($1, c.oid, 'UPDATE') = (c.relname NOT IN (${listed(ONLY_ADDED_TO)}))
         AND has_table_privilege($1, c.oid, 'DELETE') = (c.relname NOT IN (${listed(ONLY_ADDED_TO)}))
         AND NOT (c.relname IN (${listed(ONLY_ADDED_TO)}) AND has_table_privilege($1, c.oid, 'TRUNCATE'))))) AS tables,
       (SELECT bool_and(has_sequence_privilege($1, s.oid, 'USAGE')) FROM pg_class s
        WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace AND pg_has_role(s.relowner, 'USAGE')) AS sequences
     FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND pg_has_role(c.relowner, 'USAGE')`,
    role,
  )
  return rows[0]?.tables === true && rows[0]?.sequences === true
}

/** Of what the owner has in the schema: others may have tables there too. */
async function grantsFor(transaction: MigrationTransaction, role: string): Promise<string> {
  const rows = await transaction.rows(
    `SELECT quote_ident($1) AS role, quote_ident(c.relname) AS relation, c.relkind::text AS kind FROM pg_class c
     WHERE c.relkind IN ('r', 'p', 'S') AND c.relnamespace = 'public'::regnamespace AND pg_has_role(c.relowner, 'USAGE')`,
    role,
  )
  const to = String(rows[0]?.role)
  const grants = rows.map(({ relation, kind }) => {
    const table = `public.${String(relation)}`
    if (kind === 'S') return `GRANT USAGE ON SEQUENCE ${table} TO ${to};`
    if (relation === '_prisma_migrations') return `REVOKE ALL ON ${table} FROM ${to}; GRANT SELECT ON ${table} TO ${to};`
    if (ONLY_ADDED_TO.includes(String(relation)))
      return `REVOKE ALL ON ${table} FROM ${to}; GRANT SELECT, INSERT ON ${table} TO ${to};`
    return `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${to};`
  })
  return [`GRANT USAGE ON SCHEMA public TO ${to};`, ...grants].join('\n')
}

function listed(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}
