// The contract of the live store: one suite that every implementation passes, concurrency included.
import { describe, expect, test } from '@jest/globals'
import { describeLiveSessions } from './live-sessions.ts'
import { newCode, type OpenStore, random, useStore } from './subject.ts'

/** What the provider keeps in the live store and may take once. */
const TAKEN_ONCE = ['AuthorizationCode', 'DeviceCode', 'Interaction', 'PushedAuthorizationRequest']

export function describeLiveStore(name: string, open: OpenStore): void {
  describe(`the live store: ${name}`, () => {
    const subject = useStore(open)

    test('pings', async () => {
      await expect(subject.store.ping()).resolves.toBeUndefined()
    })

    describe('records', () => {
      test('a record is found by its id under its model, with its id put back', async () => {
        const payload = { jti: 'x', params: { scope: 'openid', nested: [1, null, 'ü'] } }
        const record = newCode({ payload })
        await subject.store.put(record)
        expect(await subject.other.find(record.model, record.id)).toEqual({ ...payload, jti: record.id })
        expect(await subject.store.find('Interaction', record.id)).toBeUndefined()
        expect(await subject.store.find(record.model, random('code'))).toBeUndefined()
      })

      test('a record is not found after its time to live, nor after its own exp', async () => {
        const short = newCode({ ttlSeconds: 60 })
        const expiring = newCode({ ttlSeconds: 600, payload: { exp: subject.seconds() + 60 }, uid: random('uid') })
        await subject.store.put(short)
        await subject.store.put(expiring)
        subject.advance(59)
        expect(await subject.store.find(short.model, short.id)).toBeDefined()
        expect(await subject.store.find(expiring.model, expiring.id)).toBeDefined()
        subject.advance(1)
        expect(await subject.store.find(short.model, short.id)).toBeUndefined()
        expect(await subject.store.find(expiring.model, expiring.id)).toBeUndefined()
        expect(await subject.store.findByUid(expiring.model, expiring.uid ?? '')).toBeUndefined()
        expect(await subject.store.consume(short.model, short.id)).toBe(false)
      })

      test('a record without a time is not kept, and takes the one before it along', async () => {
        const record = newCode()
        await subject.store.put(record)
        await subject.store.put({ ...record, ttlSeconds: 0 })
        expect(await subject.store.find(record.model, record.id)).toBeUndefined()
      })

      test('a record is written over, and its time begins anew', async () => {
        const record = newCode()
        await subject.store.put(record)
        subject.advance(50)
        await subject.store.put({ ...record, payload: { step: 2 } })
        subject.advance(50)
        expect(await subject.store.find(record.model, record.id)).toEqual({ step: 2, jti: record.id })
      })

      test('what is found is a copy', async () => {
        const payload = { list: ['one'] }
        const record = newCode({ payload })
        await subject.store.put(record)
        payload.list.push('two')
        expect(await subject.store.find(record.model, record.id)).toEqual({ list: ['one'], jti: record.id })
      })

      test('a payload of 200 KiB is kept whole', async () => {
        const record = newCode({ payload: { text: 'ü'.repeat(100_000) } })
        await subject.store.put(record)
        expect(await subject.store.find(record.model, record.id)).toEqual({ ...record.payload, jti: record.id })
      })

      test('a destroyed record is gone, also by its uid', async () => {
        const record = newCode({ uid: random('uid') })
        await subject.store.put(record)
        await subject.store.destroy(record.model, record.id)
        expect(await subject.store.find(record.model, record.id)).toBeUndefined()
        expect(await subject.store.findByUid(record.model, record.uid ?? '')).toBeUndefined()
        expect(await subject.store.consume(record.model, record.id)).toBe(false)
        await subject.store.destroy(record.model, record.id)
      })

      test('a record is found by uid and by user code, with its id', async () => {
        const record = newCode({ model: 'DeviceCode', uid: random('uid'), userCode: 'BCDF-GHJK' })
        await subject.store.put(record)
        const found = { kind: 'AuthorizationCode', jti: record.id }
        expect(await subject.other.findByUid('DeviceCode', record.uid ?? '')).toEqual(found)
        expect(await subject.other.findByUserCode('DeviceCode', 'BCDF-GHJK')).toEqual(found)
        expect(await subject.store.findByUserCode('DeviceCode', 'BCDF-GHJL')).toBeUndefined()
        expect(await subject.store.findByUserCode('Interaction', 'BCDF-GHJK')).toBeUndefined()
        expect(await subject.store.findByUid('Interaction', record.uid ?? '')).toBeUndefined()
        expect(await subject.store.consume('DeviceCode', record.id)).toBe(true)
        expect(await subject.store.findByUserCode('DeviceCode', 'BCDF-GHJK')).toEqual({ ...found, consumed: subject.seconds() })
      })
    })

    describe('once', () => {
      test.each(TAKEN_ONCE)('I1: of 50 that take a record one does: %s', async (model) => {
        const record = newCode({ model })
        await subject.store.put(record)
        const outcomes = await subject.race((racer) => racer.consume(record.model, record.id))
        expect(outcomes.filter((taken) => taken === true)).toHaveLength(1)
        expect(await subject.store.find(record.model, record.id)).toEqual({
          ...record.payload,
          jti: record.id,
          consumed: subject.seconds(),
        })
      })

      test.each(TAKEN_ONCE)('I1: the same by whichever way they found it, uid and user code too: %s', async (model) => {
        const record = newCode({ model, uid: random('uid'), userCode: random('user-code') })
        await subject.store.put(record)
        const outcomes = await subject.race(async (racer, index) => {
          const found = await [
            () => racer.find(model, record.id),
            () => racer.findByUid(model, record.uid ?? ''),
            () => racer.findByUserCode(model, record.userCode ?? ''),
          ][index % 3]?.()
          return racer.consume(model, String(found?.jti))
        })
        expect(outcomes.filter((taken) => taken === true)).toHaveLength(1)
        for (const found of [
          await subject.other.find(model, record.id),
          await subject.other.findByUid(model, record.uid ?? ''),
          await subject.other.findByUserCode(model, record.userCode ?? ''),
        ]) {
          expect(found).toMatchObject({ jti: record.id, consumed: subject.seconds() })
        }
      })

      test('I1: 50 that take a record while 25 write it again are still one', async () => {
        const record = newCode({ model: 'DeviceCode', uid: random('uid'), userCode: random('user-code') })
        await subject.store.put(record)
        const outcomes = await subject.race(async (racer, index) => {
          if (index % 2 === 1) await racer.put({ ...record, payload: { step: index } })
          return racer.consume(record.model, record.id)
        })
        expect(outcomes.filter((taken) => taken === true)).toHaveLength(1)
        expect(await subject.store.findByUserCode(record.model, record.userCode ?? '')).toHaveProperty('consumed')
      })

      test('a record that was taken stays so when it is written again', async () => {
        const record = newCode()
        await subject.store.put(record)
        expect(await subject.store.consume(record.model, record.id)).toBe(true)
        await subject.store.put({ ...record, payload: { late: true } })
        expect(await subject.store.consume(record.model, record.id)).toBe(false)
        expect(await subject.store.find(record.model, record.id)).toMatchObject({ late: true, consumed: subject.seconds() })
      })

      test('what was never put cannot be taken', async () => {
        expect(await subject.store.consume('AuthorizationCode', random('code'))).toBe(false)
      })
    })

    describe('sessions', () => {
      describeLiveSessions(subject)
    })
  })
}
