// What a store outside the process shows to whoever reads it or writes into it: nothing, and nothing that counts.
import { describe, expect, test } from '@jest/globals'
import type { SessionSave } from '../../server/storage/live-store.ts'
import { newCode, type OpenedStore, type OpenStore, random, useStore } from './subject.ts'

/** A store whose bytes can be seen and changed. */
export interface OpenedBytes extends OpenedStore {
  /** Forgets everything. */
  clear(): Promise<void>
  /** Everything that is kept, keys and values. */
  dump(): Promise<Buffer>
  /** Changes everything that is kept. */
  spoil(how: Spoiling): Promise<void>
}

/** Other bytes in each value; a value of another type; the values of things of a kind exchanged. */
export type Spoiling = 'garbage' | 'wrong type' | 'swapped'

export function describeStoredBytes(name: string, open: OpenStore<OpenedBytes>): void {
  describe(`what is stored: ${name}`, () => {
    const subject = useStore(open)

    test('ST1 nothing is stored under itself, and a dump of keys and values tells nothing', async () => {
      const planted = Object.fromEntries(
        ['id', 'uid', 'grantId', 'cookieId', 'session', 'secret', 'account', 'client'].map((name) => [name, random(name)]),
      )
      const { id = '', uid = '', grantId = '', cookieId = '', session = '', secret = '', account = '', client = '' } = planted
      const payload = { jti: id, deep: { cookie: secret }, accountId: account, state: { secret } }
      await subject.store.put({ model: 'AuthorizationCode', id, payload, ttlSeconds: 60, uid, userCode: 'WXYZ-QRST' })
      await subject.store.consume('AuthorizationCode', id)
      const authorizations = { [client]: { sid: secret, grantId } }
      await subject.store.saveSession({
        cookieId,
        uid: session,
        payload: { ...payload, authorizations },
        ttlSeconds: 60,
        removed: [],
      })
      const dump = await subject.opened.dump()
      for (const value of [...Object.values(planted), 'WXYZ-QRST', 'accountId', 'AuthorizationCode']) {
        for (const encoding of ['utf8', 'base64url', 'hex', 'base64'] as const) {
          expect(dump.includes(Buffer.from(value).toString(encoding).replace(/=+$/, ''))).toBe(false)
        }
      }
    })

    test.each(['garbage', 'wrong type', 'swapped'] as const)(
      'SE8 ST2 what was spoiled (%s) counts as absent, and can be written anew',
      async (how) => {
        const records = [
          newCode({ uid: random('uid'), userCode: random('u') }),
          newCode({ uid: random('uid'), userCode: random('u') }),
        ]
        const sessions = ['acc_1', 'acc_2'].map((accountId) => ({
          cookieId: random('cookie'),
          uid: random('uid'),
          payload: { accountId, loginTs: 1, authorizations: { app: { sid: 'sid' } } },
          ttlSeconds: 60,
          removed: [],
        }))
        await subject.opened.clear()
        for (const record of records) await subject.store.put(record)
        for (const session of sessions) await subject.store.saveSession(session)
        await subject.opened.spoil(how)
        for (const { model, id, uid = '', userCode = '' } of records) {
          expect(await subject.store.find(model, id)).toBeUndefined()
          expect(await subject.store.findByUid(model, uid)).toBeUndefined()
          expect(await subject.store.findByUserCode(model, userCode)).toBeUndefined()
        }
        for (const { cookieId, uid } of sessions) {
          expect(await subject.store.findSession(cookieId)).toBeUndefined()
          expect(await subject.store.findSessionByUid(uid)).toBeUndefined()
        }
        const [record] = records
        if (record === undefined) throw new Error('There is one.')
        await subject.store.destroy(record.model, record.id)
        await subject.store.put(record)
        expect(await subject.store.find(record.model, record.id)).toBeDefined()
        expect(await subject.store.consume(record.model, record.id)).toBe(true)
        const fresh = { ...sessions[0], cookieId: random('cookie'), uid: random('uid') } as SessionSave
        expect(await subject.store.saveSession(fresh)).toBe('saved')
        expect(await subject.store.findSession(fresh.cookieId)).toBeDefined()
      },
    )
  })
}
