// What a large end costs: how long it takes to end an account with very many grants or a client with very many people, and how
// long others wait meanwhile.

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Ended } from '../../server/tokens/ending.ts'
import { fill, filledIdOf } from '../growth/fill.ts'
import { type Answer, openConnection, requestText } from '../load/connection.ts'
import { authorizeAdministrator, type Looked, type LookOptions, underLoad } from '../load/under-load.ts'
import { discover } from '../scenarios/scenario.ts'
import type { StoreAddresses, Target } from '../targets/target.ts'
import { GUEST } from '../the-world.ts'

/** One large end. Times in milliseconds. */
export interface BulkEnd extends Looked {
  readonly what: string
  readonly grants: number
}

/** How much there is to end. */
export interface BulkOptions extends LookOptions {
  readonly accountGrants: number
  readonly clientGrants: number
}

/** Runs them as an administrator's program does, over HTTP; whoever is not told what ended has measured nothing. */
export async function measureBulkEnds(
  target: Target,
  addresses: StoreAddresses,
  { accountGrants, clientGrants, ...times }: BulkOptions,
  say: (line: string) => void,
): Promise<BulkEnd[]> {
  say(`filling in ${clientGrants} grants of a client, and ${accountGrants} of an account …`)
  await fill(target, addresses, clientGrants + accountGrants)
  const apart = 1 + Math.floor(clientGrants / accountGrants)
  const accountId = await fillAccount(addresses.databaseUrl, accountGrants, apart)
  await moveToGuest(addresses.databaseUrl)
  const endpoints = await discover(target.issuer)
  const found: BulkEnd[] = []
  // What the account has goes first, so that the client has the others left.
  for (const [what, grants, path] of [
    ['an account is suspended', accountGrants, `/accounts/${accountId}/suspension`],
    ['a client is suspended', clientGrants, `/clients/${GUEST.clientId}/suspension`],
  ] as const) {
    say(`${what} that has ${grants} grants …`)
    const connection = await openConnection(endpoints.issuer)
    const authorization = await authorizeAdministrator(endpoints, connection)
    const url = new URL(`/admin/api/v1${path}`, endpoints.issuer)
    const end = () => insistOnAnswer(connection.send(requestText('POST', url, { Authorization: authorization })))
    const { done, ...figures } = await underLoad(target, end, times)
    found.push({ what, grants: done.grants, ...figures })
    connection.close()
  }
  return found
}

async function insistOnAnswer(answer: Promise<Answer>): Promise<Pick<Ended, 'grants'>> {
  const { status, body } = await answer
  if (status !== 200) throw new Error(`${status} came back from an end: ${body.slice(0, 300)}`)
  return JSON.parse(body) as Pick<Ended, 'grants'>
}

/**
 * Gives one person very many of the grants that were filled in, each with its session and family. They lie between those of others,
 * as what somebody got over months does.
 */
async function fillAccount(databaseUrl: string, grants: number, apart: number): Promise<string> {
  const id = `acc_${randomUUID()}`
  await withClient(databaseUrl, async (client) => {
    await client.query(
      `INSERT INTO accounts SELECT (jsonb_populate_record(model, jsonb_build_object('id', $1::text, 'email', $1::text, 'email_key', $1::text))).*
       FROM (SELECT a AS model FROM accounts a WHERE id LIKE 'acc_filled%' LIMIT 1) AS one`,
      [id],
    )
    const numbers = 'SELECT n * $3::int AS n FROM generate_series(1, $2::int) AS n'
    for (const [table, column, filled] of [
      ['sessions', 'id', filledIdOf('ses', 'n')],
      ['grants', 'id', filledIdOf('gra', 'n')],
      ['refresh_families', 'grant_id', filledIdOf('gra', 'n')],
    ]) {
      await client.query(`UPDATE ${table} SET account_id = $1 WHERE ${column} IN (SELECT ${filled} FROM (${numbers}) AS few)`, [
        id,
        grants,
        apart,
      ])
    }
  })
  return id
}

/** What was filled in is the guest's from here on, so that the app which is measured with is not the one that ends. */
async function moveToGuest(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    for (const table of ['grants', 'refresh_families', 'session_clients']) {
      await client.query(`UPDATE ${table} SET client_id = $1 WHERE session_id LIKE 'ses_filled%'`, [GUEST.clientId])
    }
    await client.query('VACUUM (ANALYZE)')
    await client.query('CHECKPOINT')
  })
}

async function withClient(databaseUrl: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('SET session_replication_role = replica')
    await work(client)
  } finally {
    await client.end()
  }
}
