// Removes the demo: its clients, resource servers and accounts, with everything under them.
import type { Clock } from '../../config/clock.ts'
import { removeAccount } from '../accounts/account-standing.ts'
import { createClients } from '../clients/clients.ts'
import { createResourceServers } from '../resource-servers/resource-servers.ts'
import type { Database } from '../storage/postgres.ts'
import type { Endings } from '../tokens/ending.ts'
import { selectDemoAccounts } from './provision-store.ts'

/** What was removed, or would be. */
export interface RemovedDemo {
  readonly clients: readonly string[]
  readonly resourceServers: readonly string[]
  /** By their e-mail addresses. */
  readonly accounts: readonly string[]
}

/** Who made something, by what the registry says of it. */
const DEMO = 'demo'

/** Removes all of it in one transaction; every token of its is dead. */
export async function removeDemo(
  deps: { readonly db: Database; readonly clock: Clock; readonly endings: Endings },
  { dryRun, reason = 'the demo is removed' }: { readonly dryRun: boolean; readonly reason?: string },
): Promise<RemovedDemo> {
  const clients = createClients(deps)
  const resourceServers = createResourceServers({ db: deps.db, clientIdsByScope: clients.idsByScope })
  const by = { actor: 'system', reason }
  return deps.db.$transaction(async (tx) => {
    const found = {
      clients: (await clients.list(tx)).filter(({ managedBy }) => managedBy === DEMO).map(({ id }) => id),
      resourceServers: (await resourceServers.list(tx))
        .filter(({ managedBy }) => managedBy === DEMO)
        .map(({ identifier }) => identifier),
    }
    const accounts = await selectDemoAccounts(tx)
    const removed = { ...found, accounts: accounts.map(({ email }) => email) }
    if (dryRun) return removed
    await deps.endings.within(tx, 'demo_removed', async (ending) => {
      for (const identifier of found.resourceServers) await resourceServers.delete(ending, identifier, by)
      for (const id of found.clients) await clients.delete(ending, id, by)
      for (const { id } of accounts) await removeAccount(ending, id, by)
    })
    return removed
  })
}
