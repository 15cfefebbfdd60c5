// Tells the person by mail that a spent refresh token of theirs came back and that the grant was ended for it.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { refreshReusedMail } from '../../views/mail/refresh-reused.ts'
import { originOf } from '../http/request-context.ts'
import type { Outbox } from '../mail/outbox.ts'
import { deviceName } from '../sessions/device-name.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { FamilyState } from '../tokens/refresh-families-store.ts'

/** What the notice needs. */
export interface ReuseNoticeDeps {
  readonly outbox: Pick<Outbox, 'enqueue'>
  /** Links in mails are made of it, never of what a request says. */
  readonly issuer: string
}

/** Puts the notice into the outbox, in the transaction that ends the grant: there is one for each end. */
export async function noticeReuse(
  tx: Transaction,
  ctx: KoaContextWithOIDC,
  { outbox, issuer }: ReuseNoticeDeps,
  state: FamilyState,
): Promise<void> {
  const { address, userAgent } = originOf(ctx)
  const device = deviceName(userAgent)
  await outbox.enqueue(tx, {
    kind: 'refresh_token_reused',
    accountId: state.accountId,
    to: state.account.email,
    ...refreshReusedMail({
      clientName: ctx.oidc.client?.clientName ?? state.clientId,
      at: new Date(state.now * 1000),
      address,
      ...(device.startsWith('Unknown') ? {} : { device }),
      issuer,
    }),
  })
}
