// The statements of provisioning that no noun has: its lock, and accounts as a file may change them.
import type { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'

/** An account as provisioning sees it. */
export interface ProvisionedAccount {
  readonly id: string
  readonly email: string
  readonly emailKey: string
  readonly emailVerified: boolean
  readonly name: string | null
  readonly profile: Prisma.JsonValue
  readonly roles: readonly string[]
  readonly status: string
  readonly managedBy: string | null
  readonly hasPassword: boolean
  /** Or had one, which lets nobody in any more. */
  readonly hadPassword: boolean
}

/** One provisioning at a time: false while another process is at it. The end of the transaction gives the lock back. */
export async function tryProvisioningLock(tx: Transaction): Promise<boolean> {
  const rows = await tx.$queryRaw<{ locked: boolean }[]>`SELECT pg_try_advisory_xact_lock(72707370) AS locked`
  return rows[0]?.locked === true
}

/** The accounts of these addresses, and all that a provision file made earlier. */
export async function selectProvisionedAccounts(tx: Transaction, emailKeys: readonly string[]): Promise<ProvisionedAccount[]> {
  const rows = await tx.account.findMany({
    where: { OR: [{ emailKey: { in: [...emailKeys] } }, { managedBy: 'provision' }] },
    orderBy: { emailKey: 'asc' },
    select: {
      id: true,
      email: true,
      emailKey: true,
      emailVerified: true,
      name: true,
      profile: true,
      roles: true,
      status: true,
      managedBy: true,
      passwords: { select: { retiredAt: true } },
    },
  })
  return rows.map(({ passwords, ...row }) => ({
    ...row,
    hasPassword: passwords.some(({ retiredAt }) => retiredAt === null),
    hadPassword: passwords.length > 0,
  }))
}

/** The accounts of the demo. */
export async function selectDemoAccounts(tx: Transaction): Promise<{ readonly id: string; readonly email: string }[]> {
  return tx.account.findMany({ where: { managedBy: 'demo' }, select: { id: true, email: true }, orderBy: { emailKey: 'asc' } })
}
