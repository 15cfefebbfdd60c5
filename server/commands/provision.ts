// Provisioning: a file is read, compared with what is there, the plan is shown, and all of it is applied in one transaction.
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { createAccounts } from '../accounts/accounts.ts'
import { lockOwners } from '../accounts/accounts-store.ts'
import { emailKey } from '../accounts/email-key.ts'
import type { Passwords } from '../accounts/passwords.ts'
import { createClients } from '../clients/clients.ts'
import { createResourceServers } from '../resource-servers/resource-servers.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Announce, Endings } from '../tokens/ending.ts'
import type { RevocationEntry } from '../tokens/revocations.ts'
import { planAccounts } from './provision-accounts.ts'
import { type ProvisionFile, ProvisionFileError, readProvisionFile } from './provision-file.ts'
import { type Plan, type PlannedChange, planClients, planResourceServers, unknownScopes } from './provision-plan.ts'
import { selectProvisionedAccounts, tryProvisioningLock } from './provision-store.ts'

/** What provisioning works with. */
export interface ProvisionDeps {
  readonly db: Database
  readonly clock: Clock
  readonly endings: Endings
  /** Told of what was ended, once it is committed. */
  readonly announce?: Announce
  readonly passwords: Passwords
  readonly config: Pick<Config, 'clientCertificates' | 'environment' | 'issuer' | 'lifetimes' | 'provisionFile'>
}

/** What is asked for. */
export interface ProvisionRequest {
  readonly file: string
  /** Shows what would be done and writes nothing. */
  readonly dryRun?: boolean
  /** Removes what an earlier provision file made and this one does not have. */
  readonly prune?: boolean
  /** Who does it, for the audit log: `system` unless said otherwise. */
  readonly actor?: string
  readonly reason?: string
  /** Told of the plan before anything is done. */
  readonly onPlan?: (report: ProvisionReport) => void
}

/** What is to be done or was done. */
export interface ProvisionReport {
  readonly file: string
  readonly dryRun: boolean
  readonly changes: readonly Pick<PlannedChange, 'action' | 'kind' | 'name' | 'members'>[]
  readonly notes: readonly string[]
}

/** Another process has been provisioning for too long. */
export class ProvisioningBusy extends Error {
  override readonly name = 'ProvisioningBusy'
}

const LOCK_ATTEMPTS = 150
const LOCK_ATTEMPT_EVERY_MS = 200
const LONGEST_TRANSACTION_MS = 60_000

/**
 * Applies a file, all of it or nothing. Applied again, it finds nothing to change.
 * @throws ProvisionFileError for everything that is wrong with the file @throws ProvisioningBusy
 */
export async function provision(deps: ProvisionDeps, request: ProvisionRequest): Promise<ProvisionReport> {
  const { environment, issuer, clientCertificates } = deps.config
  const isUsableHash = (hash: string) => deps.passwords.isUsableHash(hash)
  const file = readProvisionFile(request.file, { environment, issuer, clientCertificates, isUsableHash })
  const ended: RevocationEntry[] = []
  const report = await alone(deps.db, async (tx) => {
    const { changes, notes, faults } = await planOf(tx, file, deps, request)
    if (faults.length > 0) throw new ProvisionFileError(faults)
    const report: ProvisionReport = {
      file: request.file,
      dryRun: request.dryRun ?? false,
      changes: changes.map(({ action, kind, name, members }) => ({ action, kind, name, members })),
      notes,
    }
    request.onPlan?.(report)
    if (report.dryRun || changes.length === 0) return report
    const by = { actor: request.actor ?? 'system', reason: request.reason ?? `provision file ${request.file}` }
    await deps.endings.within(tx, 'provisioned', async (ending) => {
      for (const planned of changes) await planned.make(ending, by)
      ended.push(...ending.entries)
    })
    return report
  })
  if (ended.length > 0) await deps.announce?.(ended)
  return report
}

/** A report for people. */
export function describeProvisioning({ file, dryRun, changes, notes }: ProvisionReport): string {
  const signs = { create: '+', update: '~', delete: '-' }
  const kinds = { client: 'client', resource_server: 'resource server', account: 'account' }
  const lines = changes.map(
    ({ action, kind, name, members }) =>
      `  ${signs[action]} ${kinds[kind]} ${name}${members.length === 0 ? '' : ` (${members.join(', ')})`}`,
  )
  const count = `${changes.length} change${changes.length === 1 ? '' : 's'}`
  const end = changes.length === 0 ? 'Nothing to change.' : dryRun ? `${count}; nothing was written.` : `${count}.`
  return [`Plan of ${file}:`, ...lines, ...notes.map((note) => `  note: ${note}`), end].join('\n')
}

async function planOf(tx: Transaction, file: ProvisionFile, deps: ProvisionDeps, request: ProvisionRequest): Promise<Plan> {
  const prune = request.prune ?? false
  const clients = createClients(deps)
  const resourceServers = createResourceServers({ db: deps.db, clientIdsByScope: clients.idsByScope })
  const foundClients = await clients.list(tx)
  const isCompromised = await clients.compromised(tx)
  const clientPlan = planClients(file.clients, foundClients, { clients, now: deps.clock(), prune, isCompromised })

  const removed = new Set(clientPlan.changes.filter(({ action }) => action === 'delete').map(({ name }) => name))
  const clientIds = new Set([...foundClients.map(({ id }) => id), ...file.clients.map(({ entry }) => entry.metadata.client_id)])
  for (const id of removed) clientIds.delete(id)
  const accessTokenTtl = deps.config.lifetimes.accessToken
  const found = await resourceServers.list(tx)
  const serverPlan = planResourceServers(file.resourceServers, found, { resourceServers, accessTokenTtl, clientIds, prune })

  const foundAccounts = await selectProvisionedAccounts(
    tx,
    file.accounts.map(({ entry }) => emailKey(entry.email)),
  )
  const accountPlan = planAccounts(file.accounts, foundAccounts, await lockOwners(tx), {
    accounts: createAccounts(deps),
    passwords: deps.passwords,
    prune,
  })

  // Clients come before the resource servers that name them, and go after them.
  const [gone, kept] = [clientPlan.changes.filter(isRemoval), clientPlan.changes.filter((planned) => !isRemoval(planned))]
  return {
    changes: [...kept, ...serverPlan.changes, ...gone, ...accountPlan.changes],
    faults: [...clientPlan.faults, ...serverPlan.faults, ...accountPlan.faults],
    notes: [
      ...clientPlan.notes,
      ...serverPlan.notes,
      ...accountPlan.notes,
      ...unknownScopes(file.clients, serverPlan.remaining),
      ...(file.hasSettings && request.file !== deps.config.provisionFile ? [SETTINGS_NOTE] : []),
    ],
  }
}

const SETTINGS_NOTE = 'settings are in force only from the file that PROVISION_FILE names, and from its next start'

function isRemoval({ action }: PlannedChange): boolean {
  return action === 'delete'
}

/** Two provisionings at once would each see half of the other. */
async function alone<Result>(db: Database, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const done = await db.$transaction(async (tx) => ((await tryProvisioningLock(tx)) ? { result: await work(tx) } : undefined), {
      timeout: LONGEST_TRANSACTION_MS,
    })
    if (done !== undefined) return done.result
    await wait(LOCK_ATTEMPT_EVERY_MS)
  }
  throw new ProvisioningBusy('Another process has been provisioning for 30 seconds: look what it is waiting for, and try again.')
}
