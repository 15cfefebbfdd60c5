// A migrated database with everything that provisioning works with.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/config.ts'
import { createPasswords } from '../../server/accounts/passwords.ts'
import { type ProvisionDeps, type ProvisionReport, provision } from '../../server/commands/provision.ts'
import { type Database, openPostgres } from '../../server/storage/postgres.ts'
import { createEndings } from '../../server/tokens/ending.ts'
import { createDatabase, PATIENT } from '../support/postgres.ts'

export const ISSUER = 'http://localhost:3000'

/** Something to provision into. */
export interface Workbench {
  readonly db: Database
  readonly url: string
  readonly deps: ProvisionDeps
  readonly folder: string
  /** Writes a file beside the provision file. */
  write(name: string, content: string): string
  /** Provisions a file of this content. */
  provision(content: string | object, options?: { dryRun?: boolean; prune?: boolean; reason?: string }): Promise<ProvisionReport>
  close(): Promise<void>
}

/** Makes one. */
export async function openWorkbench(settings: Record<string, string> = {}): Promise<Workbench> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-provision-'))
  const database = await createDatabase()
  const { db, close } = await openPostgres({ url: database.url, poolSize: 4, ...PATIENT })
  const config: Config = loadConfig({ NODE_ENV: 'test', DATA_DIR: folder, ...settings }).config
  const passwords = createPasswords({ hashing: config.hashing })
  const endings = createEndings({ db, accessTokenLifeSeconds: () => 900, announce: () => undefined })
  const deps: ProvisionDeps = { db, clock: () => Date.now(), endings, passwords, config }
  const write = (name: string, content: string) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  return {
    db,
    url: database.url,
    deps,
    folder,
    write,
    provision(content, options = {}) {
      const text = typeof content === 'string' ? content : JSON.stringify(content)
      return provision(deps, { file: write('provision.yaml', text), ...options })
    },
    async close() {
      await passwords.close()
      await close()
      await database.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Has an account signed in, and a client used in its session. */
export async function signInAt(db: Database, accountId: string, clientId: string): Promise<void> {
  const sessionId = `ses_of_${accountId}`
  const expiresAt = new Date(Date.now() + 3_600_000)
  await db.session.create({ data: { id: sessionId, accountId, expiresAt, absoluteExpiresAt: expiresAt } })
  await db.sessionClient.create({ data: { sessionId, clientId, sid: `sid of ${clientId}` } })
}

/** The changes of a report, as words. */
export function changesOf(report: ProvisionReport): string[] {
  return report.changes.map(({ action, kind, name, members }) => [action, kind, name, ...members].join(' '))
}
