// Events get their seals on a real database: each one, whatever the order of commits, and however many write and seal.
import { describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { nextState } from '../../server/audit/sealer.ts'
import { database, passed, seal, sql, useAuditLog, verify, write } from './support.ts'

useAuditLog()

describe('AU3: every event gets its seal', () => {
  test('one with a lower id that is committed after one with a higher', async () => {
    await write(3)
    const slow = new pg.Client({ connectionString: database.url })
    await slow.connect()
    try {
      await slow.query("BEGIN; INSERT INTO audit_events (name, reason) VALUES ('session.revoked', 'slow')")
      for (let round = 0; round < 5; round += 1) await write(3)
      expect(await verify()).toMatchObject({ faults: [], events: 18 })
      await slow.query('COMMIT')
    } finally {
      await slow.end()
    }
    expect(await seal()).toBe(1)
    expect(await verify()).toMatchObject({ faults: [], events: 19 })
    // What came late is let go of once nothing else can come: when no transaction of then is under way, in whatever database.
    const beyond = async () => Number((await sql('SELECT cardinality(beyond) AS beyond FROM audit_sealing'))[0]?.beyond)
    for (let round = 0; round < 200 && (await beyond()) >= 4; round += 1) {
      await new Promise((done) => setTimeout(done, 50))
      await write(1)
    }
    expect(await beyond()).toBeLessThan(4)
  })

  test('one whose transaction began after all that have ended, and is still under way when the sealer goes on', async () => {
    await passed((await write(3)).at(-1) ?? 0n)
    const [early, late] = [new pg.Client({ connectionString: database.url }), new pg.Client({ connectionString: database.url })]
    await Promise.all([early.connect(), late.connect()])
    try {
      // Of what has ended nothing began later than the first, whatever the sealer itself does: a snapshot ends below the second.
      await early.query("BEGIN; INSERT INTO audit_events (name, reason) VALUES ('session.revoked', 'early')")
      await late.query("BEGIN; INSERT INTO audit_events (name, reason) VALUES ('session.revoked', 'late')")
      await early.query('COMMIT')
      expect(await seal()).toBe(1)
      for (let round = 0; round < 5; round += 1) await write(3)
      await late.query('COMMIT')
    } finally {
      await Promise.all([early.end(), late.end()])
    }
    expect(await seal()).toBe(1)
    expect(await verify()).toMatchObject({ faults: [], unsealed: 0 })
  })

  test('a transaction that is under way for long does not hold seals up, however much is written meanwhile', async () => {
    const slow = new pg.Client({ connectionString: database.url })
    await slow.connect()
    try {
      await slow.query("BEGIN; INSERT INTO audit_events (name, reason) VALUES ('session.revoked', 'slow')")
      expect(await write(20_000, 20_000)).toHaveLength(20_000)
      await slow.query('COMMIT')
    } finally {
      await slow.end()
    }
    expect(await seal()).toBe(1)
    expect(await verify()).toMatchObject({ faults: [], events: 20_001, unsealed: 0 })
  }, 60_000)

  test('fifty writers and five sealers at once, with transactions that are rolled back', async () => {
    const stop = new AbortController()
    const clients = Array.from({ length: 50 }, () => new pg.Client({ connectionString: database.url }))
    for (const client of clients) await client.connect()
    const sealers = Array.from({ length: 5 }, async () => {
      while (!stop.signal.aborted) await seal()
    })
    const writers = clients.map(async (client, writer) => {
      for (let round = 0; round < 10; round += 1) {
        await client.query('BEGIN')
        await client.query("INSERT INTO audit_events (name, actor) VALUES ('session.revoked', $1)", [`acc_${writer}`])
        await client.query('SELECT pg_sleep(random() * 0.01)')
        await client.query((writer + round) % 7 === 0 ? 'ROLLBACK' : 'COMMIT')
      }
      await client.end()
    })
    await Promise.all(writers)
    stop.abort()
    await Promise.all(sealers)
    const [row] = await sql('SELECT count(*)::int AS count FROM audit_events')
    expect(await verify()).toMatchObject({ faults: [], events: row?.count, unsealed: 0 })
    const [sealed] = await sql(
      'SELECT count(*)::int AS all, count(DISTINCT id)::int AS once FROM audit_seals, unnest(event_ids) AS id',
    )
    expect([sealed?.all, sealed?.once]).toEqual([row?.count, row?.count])
  }, 60_000)

  test('after the database was put into another cluster, whose transactions begin anew', async () => {
    await write(3)
    await sql('UPDATE audit_sealing SET candidate_xid = 4000000000000')
    await write(9)
    expect(await verify()).toMatchObject({ faults: [], events: 12 })
    const [state] = await sql('SELECT candidate_xid::text AS xid FROM audit_sealing')
    expect(BigInt(String(state?.xid))).toBeLessThan(4_000_000_000_000n)
  })

  test('after the rows were copied to where ids go on behind the last of them', async () => {
    await passed((await write(3)).at(-1) ?? 0n)
    // Ids that no row has, and that the sealer has seen given.
    for (let round = 0; round < 20; round += 1)
      await sql("BEGIN; INSERT INTO audit_events (name) VALUES ('session.revoked'); ROLLBACK")
    await write(3)
    for (let round = 0; round < 20; round += 1)
      await sql("BEGIN; INSERT INTO audit_events (name) VALUES ('session.revoked'); ROLLBACK")
    const ids = await write(6)
    for (let round = 0; round < 20; round += 1)
      await sql("BEGIN; INSERT INTO audit_events (name) VALUES ('session.revoked'); ROLLBACK")
    await sql('UPDATE audit_sealing SET candidate = (SELECT last_value FROM audit_events_id_seq)')
    await sql("SELECT setval('audit_events_id_seq', (SELECT max(id) FROM audit_events))")
    expect((await write(1))[0]).toBe((ids.at(-1) ?? 0n) + 1n)
    await write(30)
    const [row] = await sql('SELECT count(*)::int AS count FROM audit_events')
    expect(await verify()).toMatchObject({ faults: [], events: row?.count, unsealed: 0 })
  })

  test('while events come without a pause, the latest are merely waiting, and one that was put in is still found', async () => {
    // There is an id below the first event's.
    await sql("BEGIN; INSERT INTO audit_events (name) VALUES ('session.revoked'); ROLLBACK")
    const stop = new AbortController()
    const writer = new pg.Client({ connectionString: database.url })
    await writer.connect()
    const writing = (async () => {
      while (!stop.signal.aborted) await writer.query("INSERT INTO audit_events (name) VALUES ('session.revoked')")
    })()
    try {
      await write(3)
      expect(await verify()).toMatchObject({ faults: [] })
      const [first] = await write(3)
      await passed(first ?? 0n)
      await sql("INSERT INTO audit_events (id, name) VALUES ((SELECT min(id) FROM audit_events) - 1, 'session.revoked')")
      const { faults } = await verify()
      expect(faults.map(({ kind }) => kind)).toEqual(['inserted'])
    } finally {
      stop.abort()
      await writing
      await writer.end()
    }
    expect(await verify()).toMatchObject({ unsealed: 0 })
  }, 60_000)

  test('how far it has come moves only to where nothing can come any more', () => {
    const state = { watermark: 10n, beyond: [12n], candidate: 20n, candidateXid: 100n, reached: 30n }
    const early = nextState(state, { xmin: 99n, xid: 105n }, [13n, 25n])
    expect(early).toEqual({ watermark: 10n, beyond: [12n, 13n, 25n], candidate: 20n, candidateXid: 100n })
    const late = nextState(state, { xmin: 100n, xid: 105n }, [13n, 25n])
    expect(late).toEqual({ watermark: 20n, beyond: [25n], candidate: 30n, candidateXid: 105n })
    // More was there than was taken: nothing is said of what is above.
    const full = nextState(
      state,
      { xmin: 100n, xid: 105n },
      Array.from({ length: 1000 }, (_, index) => 11n + BigInt(index) / 200n),
    )
    expect(full.watermark).toBe(15n)
  })

  test('whoever writes an event does not wait for a sealer that does not go on', async () => {
    await write(3)
    const stuck = new pg.Client({ connectionString: database.url })
    await stuck.connect()
    await stuck.query('BEGIN; SELECT * FROM audit_sealing FOR UPDATE')
    const startedAt = performance.now()
    await sql("INSERT INTO audit_events (name) VALUES ('session.revoked')")
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(await seal()).toBe(0)
    await stuck.query('ROLLBACK')
    await stuck.end()
    expect(await seal()).toBe(1)
  })
})
