// What brings an outbox to its endpoints ends with the program, whatever an endpoint does.
import { expect, test } from '@jest/globals'
import { createDelivery } from '../../server/outbox/delivery.ts'
import type { Claimed, FreePlaces } from '../../server/outbox/outbox.ts'

test('an exchange that is never over does not keep the program', async () => {
  const claimed: Claimed[] = [{ id: 'msg_1', endpointId: 'wh_1', attempts: 1, last: false }]
  const outbox = {
    claim: async () => claimed.splice(0),
    waiting: async () => [],
    note: async () => undefined,
    giveUp: async () => true,
  }
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
    waiting: async () => [],
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

test('endpoints that are gone are forgotten, and one for which something waits is not', async () => {
  const patient = 'wh_that_waits'
  let number = 0
  const asked: (readonly string[])[] = []
  let free: FreePlaces | undefined
  const outbox = {
    async claim(places: FreePlaces): Promise<Claimed[]> {
      free = places
      number += 1
      const endpointId = number === 1 ? patient : `wh_${number}`
      return number > 1000 ? [] : [{ id: `msg_${number}`, endpointId, attempts: 1, last: endpointId !== patient }]
    },
    async waiting(endpointIds: readonly string[]) {
      asked.push(endpointIds)
      return endpointIds.filter((endpointId) => endpointId === patient)
    },
    note: async () => undefined,
    giveUp: async () => true,
  }
  const bring = async () => ({ accepted: false, status: 500, error: 'it is out of order' }) as const
  const delivery = createDelivery({ outbox, bring, tried: () => undefined })
  await delivery.run()
  expect(number).toBeGreaterThan(1000)
  await delivery.look()
  const known = free?.endpoints.filter(({ doubtful }) => doubtful) ?? []
  expect(known.map(({ endpointId }) => endpointId)).toContain(patient)
  expect(known.length).toBeLessThanOrEqual(64)
  // Not at each look: once for so many that are new.
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.length).toBeLessThanOrEqual(1000 / 63)
})
