// The chain of the audit log on a real database: only added to, and nothing that was changed, taken out, put in, moved or cut off stays
// unseen. How events get their seals: sealing.test.ts.
import { describe, expect, test } from '@jest/globals'
import { createAuditKeys, headText, readHead } from '../../server/audit/chain.ts'
import { AuditChainBroken, createAuditSealer } from '../../server/audit/sealer.ts'
import { trimAuditLog } from '../../server/audit/trimming.ts'
import { readMigrations } from '../../server/storage/migration-files.ts'
import { moveDatabaseClock, tamper } from '../support/postgres.ts'
import { database, KEY, OTHER_KEY, passed, postgres, seal, sql, useAuditLog, verify, verifyKeeping, write } from './support.ts'

const DAY = 86_400

useAuditLog()

/** What a look through finds, in short. */
async function faults(head?: string, ...keys: Buffer[]): Promise<string[]> {
  const { faults: found } = await verify(head, ...keys)
  return found.map(({ kind, event, seal: number }) => `${kind} ${event ?? number}`)
}

/** Takes out the first seals with their events, as removing them would, with triggers off; the last of them stays. */
function takeOut(through: number, ...more: readonly string[]): Promise<void> {
  const gone = ["removed_at = latchkey_now(), event_ids = '{}', marks = ''", ...more].join(', ')
  return tamper(
    database.url,
    `DELETE FROM audit_events WHERE id IN (SELECT unnest(event_ids) FROM audit_seals WHERE number <= ${through})`,
    `DELETE FROM audit_seals WHERE number < ${through}`,
    `UPDATE audit_seals SET ${gone} WHERE number = ${through}`,
  )
}

/** What an event of the server says that tells of a removal through the first seal. */
async function removalSaid(detail: {
  readonly through_seal: number
  readonly kept_seconds?: number | string
}): Promise<{ proof: string }> {
  const [seal] = await sql('SELECT number, digest FROM audit_seals WHERE number = 1')
  const removal = { number: 1n, digest: seal?.digest as Uint8Array, keptSeconds: Number(detail.kept_seconds) }
  return { ...detail, proof: createAuditKeys([KEY]).removalProof(removal) }
}

async function headNow(): Promise<string> {
  const { head } = await verify()
  if (head === undefined) throw new Error('there is no seal')
  return headText(head)
}

describe('AU3: the log is only added to', () => {
  test.each([
    "UPDATE audit_events SET reason = 'another'",
    'DELETE FROM audit_events',
    'TRUNCATE audit_events',
    "UPDATE audit_seals SET digest = ''",
    'DELETE FROM audit_seals',
    'TRUNCATE audit_seals',
    'UPDATE audit_seals SET removed_at = latchkey_now()',
    "SET session_replication_role = 'replica'; DELETE FROM audit_events",
    "BEGIN; SET LOCAL session_replication_role = 'replica'; UPDATE audit_events SET name = 'x'; COMMIT",
  ])('%s is refused, also to the owner', async (statement) => {
    const always = 'ENABLE ALWAYS TRIGGER'
    await sql(
      `ALTER TABLE audit_events ${always} audit_events_removal; ALTER TABLE audit_events ${always} audit_events_no_change`,
    )
    await write(2)
    await expect(sql(statement)).rejects.toThrow(/the audit log is only added to/)
    expect(await faults()).toEqual([])
  })

  test('an event that is old and sealed does not go either, unless its seal does', async () => {
    await write(3)
    await moveDatabaseClock(database.url, 60 * DAY)
    await expect(sql('DELETE FROM audit_events')).rejects.toThrow(/the audit log is only added to/)
  })
})

describe('AU3: nothing stands before the first event', () => {
  const forge = (id: number) =>
    sql("INSERT INTO audit_events (id, name, actor) VALUES ($1, 'session.revoked', 'acc_forged')", [id])

  test.each(['[]', '"x"', 'null', '1'])('an event whose details are %s, which none has, is refused', async (detail) => {
    await expect(sql("INSERT INTO audit_events (name, detail) VALUES ('session.revoked', $1::jsonb)", [detail])).rejects.toThrow(
      /audit_events_detail_check/,
    )
  })

  test.each(['infinity', '-infinity', '290000-01-01', '4000-01-01 BC'])(
    'an event at %s, which has no place in a chain, is refused',
    async (at) => {
      await expect(sql("INSERT INTO audit_events (name, at) VALUES ('session.revoked', $1)", [at])).rejects.toThrow(
        /check constraint/,
      )
      await write(1)
      expect(await faults()).toEqual([])
    },
  )

  test.each([0, -3])('an event %d is refused', async (id) => {
    await expect(forge(id)).rejects.toThrow(/audit_events_id_check/)
  })

  test('a seal 0 is refused', async () => {
    const seal = "INSERT INTO audit_seals VALUES (0, 1, 1, '{}', '', '', '', latchkey_now())"
    await expect(sql(seal)).rejects.toThrow(/audit_seals_number_check/)
  })

  test('those that were there before they were refused are found', async () => {
    const ids = await write(3)
    const migration = (await readMigrations()).find(({ name }) => name === '0036_ids_of_events')
    await sql(migration?.wayBack ?? '')
    await forge(0)
    await forge(-3)
    await sql(migration?.script ?? '')
    expect(await faults()).toEqual(['inserted -3', 'inserted 0'])
    expect(await verify()).toMatchObject({ events: ids.length, unsealed: 0 })
  })
})

describe('AU3: what was done to the log is found, and where', () => {
  test('nothing was done', async () => {
    const ids = await write(20)
    expect(await verify()).toMatchObject({ events: 20, seals: 7, faults: [], unsealed: 0, more: false })
    expect(ids).toHaveLength(20)
  })

  test.each([
    ['reason', "'nothing'"],
    ['name', "'session.expired'"],
    ['at', "at - interval '1 hour'"],
    ['actor', 'NULL'],
    ['account_id', "'acc_other'"],
    ['client_id', "'other'"],
    ['session_id', "'ses_other'"],
    ['grant_id', "'gra_other'"],
    ['address', "'192.0.2.1'"],
    ['user_agent', "'another'"],
    ['request_id', "'another'"],
    ['detail', `'{"n": 1}'`],
  ])('%s of an event was changed', async (column, value) => {
    const ids = await write(9)
    await tamper(database.url, `UPDATE audit_events SET ${column} = ${value} WHERE id = ${ids[4]}`)
    expect(await faults()).toEqual([`changed ${ids[4]}`])
  })

  test('an event was taken out', async () => {
    const ids = await write(9)
    await tamper(database.url, `DELETE FROM audit_events WHERE id = ${ids[3]}`)
    expect(await faults()).toEqual([`missing ${ids[3]}`])
  })

  test('the last event was taken out', async () => {
    const ids = await write(9)
    await tamper(database.url, `DELETE FROM audit_events WHERE id = ${ids[8]}`)
    expect(await faults()).toEqual([`missing ${ids[8]}`])
  })

  test('an event was put in where there was none', async () => {
    await write(3)
    await sql("SELECT nextval('audit_events_id_seq')")
    const ids = await write(6)
    await write(3)
    const between = BigInt(ids[0] ?? 0n) - 1n
    await passed(between)
    await sql(`INSERT INTO audit_events (id, name) VALUES (${between}, 'session.revoked')`)
    expect(await faults()).toEqual([`inserted ${between}`])
  })

  test('two events were given each other’s place', async () => {
    const ids = await write(9)
    const [one, other] = [ids[1], ids[7]]
    await tamper(
      database.url,
      `UPDATE audit_events SET id = 999999999 WHERE id = ${one}`,
      `UPDATE audit_events SET id = ${one} WHERE id = ${other}`,
      `UPDATE audit_events SET id = ${other} WHERE id = 999999999`,
    )
    expect(await faults()).toEqual([`changed ${one}`, `changed ${other}`])
  })

  test('a seal was put in before the first one', async () => {
    await write(6)
    await tamper(
      database.url,
      'ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_number_check',
      "INSERT INTO audit_seals SELECT -5, 0, 0, '{}', '', digest, mac, sealed_at FROM audit_seals WHERE number = 1",
      'ALTER TABLE audit_seals ADD CONSTRAINT audit_seals_number_check CHECK (number > 0) NOT VALID',
    )
    expect(await faults()).toContain('seal_changed -5')
  })

  test('an event was changed and its seal made to fit: the next one does not', async () => {
    const ids = await write(9)
    await tamper(
      database.url,
      `UPDATE audit_events SET reason = 'nothing' WHERE id = ${ids[4]}`,
      `UPDATE audit_seals SET marks = '\\x${'00'.repeat(24)}', digest = sha256('made up') WHERE number = 2`,
    )
    expect(await faults()).toEqual(expect.arrayContaining([`changed ${ids[4]}`, 'seal_changed 3']))
  })

  test('a seal was taken out, alone and with its events', async () => {
    const ids = await write(9)
    await tamper(database.url, 'DELETE FROM audit_seals WHERE number = 2')
    expect(await faults()).toEqual(['seal_missing 2', ...ids.slice(3, 6).map((id) => `inserted ${id}`)])
    await tamper(database.url, `DELETE FROM audit_events WHERE id = ANY('{${ids.slice(3, 6)}}')`)
    expect(await faults()).toEqual(['seal_missing 2'])
  })

  test('the first seals were taken out as if they had been kept long enough', async () => {
    const ids = await write(9)
    await tamper(
      database.url,
      `DELETE FROM audit_events WHERE id <= ${ids[5]}`,
      'DELETE FROM audit_seals WHERE number = 1',
      "UPDATE audit_seals SET removed_at = latchkey_now(), event_ids = '{}', marks = '' WHERE number = 2",
    )
    expect(await faults()).toEqual(['removed_early 2', 'removed_unsaid 2'])
  })

  test('the first seals were taken out, and the last of them was made older than it is', async () => {
    await write(12)
    await takeOut(2, "sealed_at = sealed_at - interval '40 days'")
    const { faults: found, events } = await verify()
    expect(found.map(({ kind, seal: number }) => [kind, number])).toEqual([
      ['removed_unproven', 2n],
      ['removed_unsaid', 2n],
    ])
    expect([events, found[0]?.text]).toEqual([6, expect.stringContaining('it was changed, or its key was taken away')])
  })

  test('seals that are old enough were taken out, by hand and by the function that removes them', async () => {
    await write(6)
    await moveDatabaseClock(database.url, 40 * DAY)
    const young = await write(3)
    await takeOut(1)
    expect(await faults()).toEqual(['removed_unsaid 1'])
    expect(await sql('SELECT * FROM latchkey_trim_audit_log(0)')).toEqual([{ events: '3', through: '2' }])
    expect(await faults()).toEqual(['removed_unsaid 2'])
    const rows = await sql('SELECT id FROM audit_events ORDER BY id')
    expect(rows.map(({ id }) => BigInt(id))).toEqual(young)
  })

  test.each([
    ['of today, kept for longer than they are old', { through_seal: 1, kept_seconds: 41 * DAY }, '0 days'],
    ['of a day that is still to come', { through_seal: 1, kept_seconds: 41 * DAY }, '400 days'],
    ['of a day on which they were not 30 days old', { through_seal: 1, kept_seconds: 0 }, '-11 days'],
    ['without a time', { through_seal: 1 }, '0 days'],
    ['of no time', { through_seal: 1, kept_seconds: 'long' }, '0 days'],
  ])('seals were taken out, and an event says so that cannot be right: %s', async (_which, detail, later) => {
    await write(3)
    await moveDatabaseClock(database.url, 40 * DAY)
    const said = await removalSaid(detail)
    await takeOut(1)
    await sql(
      `INSERT INTO audit_events (name, at, detail) VALUES ('audit_events.removed', latchkey_now() + $1::interval, $2::jsonb)`,
      [later, said],
    )
    expect(await faults()).toEqual(['removed_early 1'])
  })

  test('seals were taken out, and somebody without the key wrote the event that says so', async () => {
    await write(3)
    await moveDatabaseClock(database.url, 40 * DAY)
    const said = await removalSaid({ through_seal: 1, kept_seconds: 35 * DAY })
    await takeOut(1)
    const tell = (detail: object) =>
      sql(`INSERT INTO audit_events (name, actor, detail) VALUES ('audit_events.removed', 'system', $1::jsonb)`, [detail])
    const proof = createAuditKeys([OTHER_KEY]).removalProof({ number: 1n, digest: Buffer.alloc(32), keptSeconds: 35 * DAY })
    for (const forged of [{}, { proof: '' }, { proof }, { proof: said.proof, kept_seconds: 34 * DAY }]) {
      await tell({ through_seal: 1, kept_seconds: 35 * DAY, ...forged })
      expect(await faults()).toEqual(['removed_unsaid 1'])
    }
    expect((await verify()).faults[0]?.text).toContain('no server with a key of ENCRYPTION_KEY has written it')
    await tell(said)
    expect(await faults()).toEqual([])
    expect(await faults(undefined, OTHER_KEY)).toContain('removed_unproven 1')
  })

  test('the chain was made anew by somebody who does not have the key; and nothing is put on top of it', async () => {
    await write(6)
    await tamper(database.url, 'DELETE FROM audit_seals', "UPDATE audit_sealing SET watermark = 0, beyond = '{}'")
    await seal(OTHER_KEY)
    expect(await faults()).toEqual(['foreign_seal 1'])
    await sql("INSERT INTO audit_events (name) VALUES ('session.revoked')")
    await expect(seal()).rejects.toThrow(AuditChainBroken)
    expect(await verify()).toMatchObject({ unsealed: 1, events: 6 })
  })

  test('the end was cut off: a head that was kept shows it', async () => {
    await write(6)
    const head = await headNow()
    await write(3)
    expect(await faults(head)).toEqual([])
    await tamper(
      database.url,
      'DELETE FROM audit_seals WHERE number > 1',
      'DELETE FROM audit_events WHERE id > (SELECT last_id FROM audit_seals)',
    )
    expect(await faults()).toEqual([])
    expect(await faults(head)).toEqual(['head 2'])
    await write(3)
    expect(await faults(head)).toEqual(['head 2'])
  })

  test('a thousand faults are listed, and that there are more is said', async () => {
    const ids = await write(1200, 600)
    await tamper(database.url, `UPDATE audit_events SET reason = 'nothing' WHERE id <= ${ids[1100]}`)
    const { faults: found, more } = await verify()
    expect([found.length, more]).toEqual([1000, true])
  })
})

describe('keys', () => {
  test('another key in front makes the seals from then on; the one before may go once there is such a seal', async () => {
    await write(3)
    await sql("INSERT INTO audit_events (name) VALUES ('session.revoked')")
    await seal(OTHER_KEY, KEY)
    expect(await faults(undefined, OTHER_KEY, KEY)).toEqual([])
    expect(await faults(undefined, OTHER_KEY)).toEqual([])
    expect(await faults(undefined, KEY)).toEqual(['foreign_seal 2'])
  })

  test('while the last seal whose events are gone was made with the one before, that one has to stay', async () => {
    await write(3)
    await moveDatabaseClock(database.url, 60 * DAY)
    expect(await trimAuditLog({ db: postgres.db, keys: createAuditKeys([KEY]), keptSeconds: 30 * DAY })).toBe(3)
    await seal(OTHER_KEY, KEY)
    expect(await faults(undefined, OTHER_KEY, KEY)).toEqual([])
    expect(await faults(undefined, OTHER_KEY)).toEqual(['removed_unproven 1'])
    await moveDatabaseClock(database.url, 120 * DAY)
    expect(await trimAuditLog({ db: postgres.db, keys: createAuditKeys([OTHER_KEY, KEY]), keptSeconds: 30 * DAY })).toBe(1)
    await seal(OTHER_KEY)
    expect(await faults(undefined, OTHER_KEY)).toEqual([])
  })

  test('the head of each day is told once', async () => {
    const told: string[] = []
    const sealer = createAuditSealer({
      db: postgres.db,
      keys: createAuditKeys([KEY]),
      headOfDay: (head) => void told.push(headText(head)),
    })
    for (const day of [0, 0, 1, 1, 1, 3]) {
      await moveDatabaseClock(database.url, day * DAY)
      await sql("INSERT INTO audit_events (name) VALUES ('session.revoked')")
      await sealer.run()
    }
    expect(told.map((head) => head.split('-')[0])).toEqual(['1', '3', '6'])
    expect(await faults(told[0])).toEqual([])
  })
})

describe('retention', () => {
  const trim = (keptSeconds: number) => trimAuditLog({ db: postgres.db, keys: createAuditKeys([KEY]), keptSeconds })

  test('removes what was kept long enough, says so, and the chain goes on from there', async () => {
    await write(9)
    await moveDatabaseClock(database.url, 50 * DAY)
    const young = await write(3)
    await moveDatabaseClock(database.url, 100 * DAY)
    expect(await trim(60 * DAY)).toBe(9)
    const rows = await sql('SELECT id, name, actor, detail FROM audit_events ORDER BY id')
    expect(rows.map(({ id }) => BigInt(id)).slice(0, 3)).toEqual(young)
    expect(rows[3]).toMatchObject({ name: 'audit_events.removed', actor: 'system', detail: { events: 9, through_seal: 3 } })
    expect(await verify()).toMatchObject({ faults: [], removedThrough: 3n, events: 4 })
    expect(await trim(60 * DAY)).toBe(0)
    await write(3)
    expect(await faults()).toEqual([])
  })

  test('what was removed sooner than the setting says now is remarked, and is no fault', async () => {
    await write(3)
    await moveDatabaseClock(database.url, 100 * DAY)
    expect(await trim(60 * DAY)).toBe(3)
    const look = async (keptSeconds?: number) => {
      const { faults: found, remarks } = await verifyKeeping(keptSeconds)
      expect(found).toEqual([])
      return remarks
    }
    expect(await look(60 * DAY)).toEqual([])
    expect(await look(100 * DAY)).toEqual([])
    for (const [kept, words] of [
      [undefined, 'for ever'],
      [400 * DAY, 'for 400 days'],
    ] as const)
      expect(await look(kept)).toEqual([expect.stringMatching(new RegExp(`${words}, .*event \\d+ .* kept for 60 days\\.`))])
    await moveDatabaseClock(database.url, 400 * DAY)
    expect(await look(400 * DAY)).toEqual([])
  })

  test('never removes what is not 30 days old, whatever it is told', async () => {
    await write(3)
    await moveDatabaseClock(database.url, 29 * DAY)
    expect(await trim(0)).toBe(0)
    await moveDatabaseClock(database.url, 31 * DAY)
    expect(await trim(0)).toBe(3)
    expect(await faults()).toEqual([])
  })

  test('removes everything there is, a part at a time, and new events are sealed on top', async () => {
    await write(5000, 1000)
    await moveDatabaseClock(database.url, 40 * DAY)
    expect(await trim(30 * DAY)).toBe(5000)
    await write(3)
    expect(await verify()).toMatchObject({ faults: [], removedThrough: 5n })
    const head = await headNow()
    expect(await faults(head)).toEqual([])
    expect((await verify(`1-${'0'.repeat(64)}`)).faults).toMatchObject([{ kind: 'head' }])
  }, 60_000)

  test('several at once remove each event once', async () => {
    await write(600, 100)
    await moveDatabaseClock(database.url, 40 * DAY)
    const removed = await Promise.all(Array.from({ length: 5 }, () => trim(30 * DAY)))
    expect(removed.reduce((sum, one) => sum + one, 0)).toBe(600)
    expect(await faults()).toEqual([])
  })

  test('an event that was put in among what is gone is found', async () => {
    const ids = await write(3)
    await moveDatabaseClock(database.url, 40 * DAY)
    await trim(30 * DAY)
    await sql(`INSERT INTO audit_events (id, name) VALUES (${ids[1]}, 'session.revoked')`)
    expect(await faults()).toEqual([`inserted ${ids[1]}`])
  })
})

test('a head is written one way and read back', () => {
  const digest = Buffer.alloc(32, 0xab)
  expect(headText({ number: 1042n, digest })).toBe(`1042-${'ab'.repeat(32)}`)
  expect(readHead(` 1042-${'AB'.repeat(32)}\n`)).toEqual({ number: 1042n, digest })
  for (const text of ['', '1042', '-ab', `1042-${'ab'.repeat(31)}`, `x-${'ab'.repeat(32)}`])
    expect(readHead(text)).toBeUndefined()
})
