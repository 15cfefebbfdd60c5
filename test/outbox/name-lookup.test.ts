// Names are looked up without keeping a thread: one that no name server answers for holds up no other.
import { createSocket, type Socket } from 'node:dgram'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createNameLookup } from '../../server/outbox/name-lookup.ts'

let server: Socket
let lookUp: ReturnType<typeof createNameLookup>
const asked: string[] = []
const KNOWN = [{ address: '203.0.113.7', family: 4 }]

beforeAll(async () => {
  server = createSocket('udp4').on('message', (query, from) => {
    const { name, type } = questionOf(query)
    asked.push(name)
    if (!name.startsWith('silent')) server.send(answerTo(query, name, type), from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  lookUp = createNameLookup({ servers: () => [addressOf(server)] })
})

afterAll(() => void server.close())

/** The first question (RFC 1035 §4.1.2). */
function questionOf(query: Buffer): { readonly name: string; readonly type: number } {
  const labels: string[] = []
  let at = 12
  for (; query[at] !== 0; at += 1 + (query[at] ?? 0)) labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1) }
}

/** An address for `known…`, and for others that there is no such name. */
function answerTo(query: Buffer, name: string, type: number): Buffer {
  const question = query.subarray(12, 12 + name.length + 2 + 4)
  const known = name.startsWith('known')
  const address = known && type === 1
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(address ? 1 : 0, 6)
  header.writeUInt32BE(0, 8)
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 7])
  return Buffer.concat(address ? [header, question, record] : [header, question])
}

const addressOf = (socket: Socket) => `${socket.address().address}:${socket.address().port}`

const find = (name: string, by = lookUp) =>
  new Promise<LookupAddress[] | string>((done) => by(name, (error, found) => done(error?.code ?? found)))

test('fifty names for which nobody answers hold up no other, and are given up', async () => {
  const given: string[] = []
  const silent = Array.from({ length: 50 }, (_, index) => find(`silent-${index}.example`).then((how) => given.push(String(how))))
  while (!asked.some((name) => name.startsWith('silent-49'))) await new Promise((done) => setTimeout(done, 5))
  expect(await find('known.example')).toEqual(KNOWN)
  expect(given).toEqual([])
  await Promise.all(silent)
  expect(new Set(given)).toEqual(new Set(['ETIMEOUT']))
}, 30_000)

test('what the name servers do not know is asked of the machine, which knows itself', async () => {
  expect(await find('localhost')).toEqual(expect.arrayContaining([expect.objectContaining({ address: '127.0.0.1' })]))
  expect(await find('nobody.example')).toBe('ENOTFOUND')
  expect(asked).toContain('nobody.example')
  expect(asked).not.toContain('localhost')
})

test('name servers that answer no more give way to those that the machine has by then', async () => {
  const gone = await listen()
  let servers = [addressOf(gone)]
  const by = createNameLookup({ servers: () => servers })
  expect(await find('known.example', by)).toBe('ETIMEOUT')
  servers = [addressOf(server)]
  expect(await find('known.example', by)).toEqual(KNOWN)
  // The one that answers is kept, until nobody listens where it was.
  const port = await listen()
  const refusing = addressOf(port)
  await close(port)
  servers = [refusing]
  expect(await find('known-too.example', by)).toEqual(KNOWN)
  const other = createNameLookup({ servers: () => servers })
  expect(await find('known.example', other)).toBe('ENOTFOUND')
  servers = [addressOf(server)]
  expect(await find('known.example', other)).toEqual(KNOWN)
  await close(gone)
}, 30_000)

test('three name servers that do not answer are all tried before a name is given up', async () => {
  const tried = new Set<number>()
  const silent = await Promise.all([0, 1, 2].map((index) => listen(() => tried.add(index))))
  const by = createNameLookup({ servers: () => silent.map(addressOf) })
  expect(await find('known.example', by)).toBe('ETIMEOUT')
  expect(tried.size).toBe(3)
  await Promise.all(silent.map(close))
}, 30_000)

/** A name server that says nothing. */
async function listen(asked: () => void = () => undefined): Promise<Socket> {
  // A test that fails leaves it open, and must end all the same.
  const socket = createSocket('udp4').on('message', asked).unref()
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

async function close(socket: Socket): Promise<void> {
  socket.close()
  await once(socket, 'close')
}
