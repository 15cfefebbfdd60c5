// What brings an outbox to its endpoints ends with the program, whatever an endpoint does.
import { expect, test } from '@jest/globals'
import { createDelivery } from '../../server/outbox/delivery.ts'
import type { Claimed } from '../../server/outbox/outbox.ts'

test('an exchange that is never over does not keep the program', async () => {
  const claimed: Claimed[] = [{ id: 'msg_1', endpointId: 'wh_1', attempts: 1, last: false }]
  const outbox = { claim: async () => claimed.splice(0), note: async () => undefined, giveUp: async () => true }
  const hangs = createDelivery(
    { outbox, bring: () => new Promise(() => undefined), tried: () => undefined },
    { longestCloseMs: 100 },
  )
  await hangs.look()
  expect(await hangs.close()).toBe(1)
})

test('one that is over in time is waited for', async () => {
  const claimed: Claimed[] = [{ id: 'msg_1', endpointId: 'wh_1', attempts: 1, last: false }]
  const noted: string[] = []
  const outbox = {
    claim: async () => claimed.splice(0),
    note: async ({ state }: { readonly state: string }) => void noted.push(state),
    giveUp: async () => true,
  }
  const bring = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return { accepted: true, status: 200 } as const
  }
  const delivery = createDelivery({ outbox, bring, tried: () => undefined })
  await delivery.look()
  expect(await delivery.close()).toBe(0)
  expect(noted).toEqual(['delivered'])
})
