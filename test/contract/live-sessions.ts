// The contract of the live store, continued: sessions, whose saves overlap.
import { expect, test } from '@jest/globals'
import type { Payload, SessionSave } from '../../server/storage/live-store.ts'
import { RACERS, random, type Subject } from './subject.ts'

export function describeLiveSessions(subject: Subject): void {
  const session = (extra: Partial<SessionSave> = {}, payload: Payload = {}): SessionSave => ({
    cookieId: random('cookie'),
    uid: random('uid'),
    ttlSeconds: 3600,
    removed: [],
    ...extra,
    payload: { kind: 'Session', accountId: 'acc_1', loginTs: 1000, ...payload },
  })
  const authorizations = (...ids: string[]) =>
    Object.fromEntries(ids.map((id) => [id, { sid: `sid-${id}`, grantId: `gra-${id}` }]))
  const clientsOf = async (uid: string) => Object.keys((await subject.store.findSessionByUid(uid))?.authorizations ?? {}).sort()

  test('a session is found by its cookie and by its uid', async () => {
    const saved = session({}, { authorizations: authorizations('one') })
    expect(await subject.store.saveSession(saved)).toBe('saved')
    const found = { ...saved.payload, jti: saved.cookieId }
    expect(await subject.other.findSession(saved.cookieId)).toEqual(found)
    expect(await subject.other.findSessionByUid(saved.uid)).toEqual(found)
    expect(await subject.store.findSession(random('cookie'))).toBeUndefined()
    expect(await subject.store.findSession(saved.uid)).toBeUndefined()
    expect(await subject.store.findSessionByUid(saved.cookieId)).toBeUndefined()
  })

  test('a session is not found after its time to live, nor after its exp', async () => {
    const short = session({ ttlSeconds: 100 })
    const expiring = session({}, { exp: subject.seconds() + 100 })
    await subject.store.saveSession(short)
    await subject.store.saveSession(expiring)
    subject.advance(100)
    for (const { cookieId, uid } of [short, expiring]) {
      expect(await subject.store.findSession(cookieId)).toBeUndefined()
      expect(await subject.store.findSessionByUid(uid)).toBeUndefined()
    }
  })

  test('50 saves at once of different apps lose none, though the library writes whole sessions', async () => {
    const base = session()
    await subject.store.saveSession(base)
    const ids = Array.from({ length: RACERS }, (_, index) => `app-${String(index).padStart(2, '0')}`)
    const outcomes = await subject.race((racer, index) =>
      racer.saveSession({ ...base, payload: { ...base.payload, authorizations: authorizations(ids[index] ?? '') } }),
    )
    expect(new Set(outcomes)).toEqual(new Set(['saved']))
    expect(await clientsOf(base.uid)).toEqual(ids)
    const found = await subject.store.findSession(base.cookieId)
    expect(found?.authorizations).toEqual(authorizations(...ids))
  })

  test('an authorization that was removed does not come back by a late save; a new one of the same app does', async () => {
    const base = session({}, { authorizations: authorizations('one', 'two') })
    await subject.store.saveSession(base)
    await subject.store.saveSession({
      ...base,
      payload: { ...base.payload, authorizations: authorizations('two') },
      removed: ['one'],
    })
    expect(await clientsOf(base.uid)).toEqual(['two'])
    await subject.other.saveSession({
      ...base,
      payload: { ...base.payload, authorizations: authorizations('one', 'two', 'three') },
    })
    expect(await clientsOf(base.uid)).toEqual(['three', 'two'])
    await subject.store.saveSession({ ...base, payload: { ...base.payload, authorizations: { one: { sid: 'sid-new' } } } })
    expect(await clientsOf(base.uid)).toEqual(['one', 'three', 'two'])
  })

  test('a session that has ended is not revived by any save, by 50 at once neither', async () => {
    const base = session({}, { authorizations: authorizations('one') })
    await subject.store.saveSession(base)
    await subject.other.endSession(base.uid)
    expect(await subject.store.findSession(base.cookieId)).toBeUndefined()
    expect(await subject.store.findSessionByUid(base.uid)).toBeUndefined()
    const outcomes = await subject.race((racer) => racer.saveSession({ ...base, cookieId: random('cookie') }))
    expect(new Set(outcomes)).toEqual(new Set(['ended']))
    subject.advance(3599)
    expect(await subject.store.saveSession(base)).toBe('ended')
    expect(await subject.store.findSession(base.cookieId)).toBeUndefined()
  })

  test('a session that was ended before its first save stays ended', async () => {
    const base = session()
    await subject.store.endSession(base.uid)
    expect(await subject.store.saveSession(base)).toBe('ended')
    expect(await subject.store.findSession(base.cookieId)).toBeUndefined()
  })

  test('saves and an end at the same time: the end wins', async () => {
    const base = session()
    await subject.store.saveSession(base)
    await subject.race(async (racer, index) => void (await (index === 25 ? racer.endSession(base.uid) : racer.saveSession(base))))
    expect(await subject.store.findSession(base.cookieId)).toBeUndefined()
  })

  test('SE7 the save of another account, or of nobody, changes nothing and gets no pointer', async () => {
    const base = session({}, { authorizations: authorizations('one') })
    await subject.store.saveSession(base)
    const before = await subject.store.findSession(base.cookieId)
    for (const accountId of ['acc_2', undefined]) {
      const foreign = { ...base, cookieId: random('cookie'), removed: ['one'] }
      const payload = { accountId, loginTs: 9999, authorizations: authorizations('two') }
      expect(await subject.other.saveSession({ ...foreign, payload })).toBe('other-account')
      expect(await subject.store.findSession(foreign.cookieId)).toBeUndefined()
    }
    expect(await subject.store.findSession(base.cookieId)).toEqual(before)
  })

  test('a session of nobody becomes somebody’s, and one person only gets it', async () => {
    const base = session({}, { accountId: undefined, loginTs: undefined })
    await subject.store.saveSession(base)
    const outcomes = await subject.race((racer, index) =>
      racer.saveSession({ ...base, payload: { ...base.payload, accountId: `acc_${index}`, loginTs: 2000 } }),
    )
    expect(outcomes.filter((outcome) => outcome === 'saved')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'other-account')).toHaveLength(RACERS - 1)
  })

  test('of the shared part the latest sign-in counts, whichever save comes last', async () => {
    const base = session({}, { amr: ['pwd'] })
    await subject.store.saveSession({ ...base, payload: { ...base.payload, loginTs: 2000, amr: ['pwd', 'otp'] } })
    await subject.store.saveSession({ ...base, payload: { ...base.payload, authorizations: authorizations('late') } })
    expect(await subject.store.findSessionByUid(base.uid)).toMatchObject({ loginTs: 2000, amr: ['pwd', 'otp'] })
    expect(await clientsOf(base.uid)).toEqual(['late'])
  })

  test('SE1 a dropped cookie stops working at once and for good; the session goes on under the new one', async () => {
    const old = session()
    await subject.store.saveSession(old)
    const renewed = { ...old, cookieId: random('cookie') }
    await subject.store.dropSessionPointer(old.cookieId)
    await subject.store.saveSession(renewed)
    expect(await subject.store.findSession(old.cookieId)).toBeUndefined()
    expect(await subject.store.findSession(renewed.cookieId)).toMatchObject({ accountId: 'acc_1', jti: renewed.cookieId })
    // A request that was under way with the old cookie writes back late.
    expect(await subject.other.saveSession(old)).toBe('saved')
    expect(await subject.store.findSession(old.cookieId)).toBeUndefined()
    expect(await subject.store.findSession(renewed.cookieId)).toBeDefined()
  })

  test('a client that is called as nothing may be called', async () => {
    const base = session({}, { authorizations: JSON.parse('{"__proto__": {"sid": "a"}, "constructor": {"sid": "b"}}') })
    await subject.store.saveSession(base)
    expect(await clientsOf(base.uid)).toEqual(['__proto__', 'constructor'])
  })
}
