// The benchmark counts what goes over the wires: on bytes as clients and servers send them, in the pieces in which they come.

import { describe, expect, test } from '@jest/globals'
import { type Counter, watchPostgres, watchRedis } from '../../bench/counting/messages.ts'

describe('PostgreSQL', () => {
  test('a prepared statement is a round trip each time it is run, and no commit when it only reads', () => {
    const wire = postgres()
    wire.client(parse('one', 'SELECT 1 FROM grants FOR UPDATE OF grants'), bind('one'), message('E', '\0\0\0\0\0'), message('S'))
    wire.server(ready('I'))
    wire.client(bind('one'), message('E', '\0\0\0\0\0'), message('S'))
    wire.server(ready('I'))
    expect(wire.counter).toEqual({ postgresTrips: 2, commits: 0, redisTrips: 0 })
  })

  test.each([
    'UPDATE "public"."accounts" SET name = $1',
    'insert into audit_events (name) values ($1)',
    'WITH gone AS (DELETE FROM replay_ids RETURNING 1) SELECT count(*) FROM gone',
  ])('%s is a commit', (sql) => {
    const wire = postgres()
    wire.client(parse('', sql), bind(''), message('S'))
    wire.server(message('C', 'UPDATE 1\0'), ready('I'))
    expect(wire.counter).toMatchObject({ postgresTrips: 1, commits: 1 })
  })

  test('a transaction is one commit, and none when it failed or was taken back', () => {
    const wire = postgres()
    for (const [sql, state] of [
      ['BEGIN', 'T'],
      ['UPDATE grants SET x = 1', 'T'],
      ['DELETE FROM grants', 'T'],
      ['COMMIT', 'I'],
      ['BEGIN', 'T'],
      ['DELETE FROM grants', 'T'],
      ['ROLLBACK', 'I'],
    ] as const) {
      wire.client(message('Q', `${sql}\0`))
      wire.server(ready(state))
    }
    wire.client(message('Q', 'DELETE FROM grants\0'))
    wire.server(message('E', 'SERROR\0\0'), ready('I'))
    expect(wire.counter).toMatchObject({ postgresTrips: 8, commits: 1 })
  })

  test('messages are understood in whatever pieces they come', () => {
    const wire = postgres()
    for (const byte of Buffer.concat([parse('', 'INSERT INTO grants VALUES (1)'), bind(''), message('S')]))
      wire.client(Buffer.of(byte))
    for (const byte of ready('I')) wire.server(Buffer.of(byte))
    expect(wire.counter).toMatchObject({ postgresTrips: 1, commits: 1 })
  })
})

test('Redis: what is sent before the answer comes goes together', () => {
  const counter = none()
  const { fromClient, fromServer } = watchRedis(counter)
  fromClient(Buffer.from('*2\r\n$3\r\nGET\r\n$1\r\na\r\n'))
  fromClient(Buffer.from('*2\r\n$3\r\nGET\r\n$1\r\nb\r\n'))
  fromServer(Buffer.from('$-1\r\n$-1\r\n'))
  fromClient(Buffer.from('*1\r\n$4\r\nPING\r\n'))
  fromServer(Buffer.from('+PONG\r\n'))
  expect(counter.redisTrips).toBe(2)
})

function postgres() {
  const counter = none()
  const { fromClient, fromServer } = watchPostgres(counter)
  // A client's first message has no letter.
  fromClient(Buffer.from([0, 0, 0, 8, 0, 3, 0, 0]))
  return {
    counter,
    client: (...messages: Buffer[]) => messages.forEach((one) => void fromClient(one)),
    server: (...messages: Buffer[]) => messages.forEach((one) => void fromServer(one)),
  }
}

function none(): Counter {
  return { postgresTrips: 0, commits: 0, redisTrips: 0 }
}

function message(letter: string, body = ''): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(letter), length, Buffer.from(body, 'latin1')])
}

function parse(name: string, sql: string): Buffer {
  return message('P', `${name}\0${sql}\0\0\0`)
}

function bind(statement: string): Buffer {
  return message('B', `\0${statement}\0\0\0\0\0\0\0`)
}

function ready(state: string): Buffer {
  return message('Z', state)
}
