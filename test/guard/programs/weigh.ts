// Weighs the set of revocations with 100,000 entries, and times a look into it beside a bare verification of the same token. Prints
// JSON: bytes an entry by kind of entry, and the share that the look has of the verification.
import { generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { readPage } from '../../../guard/revocation-entry.ts'
import { createRevocationSet, type RevocationSet } from '../../../guard/revocation-set.ts'

const COUNT = 100_000
const now = Math.floor(Date.now() / 1000)

const outright = weigh(() => ({}))
const bounded = weigh((index) => ({ before: now - index }))
const lookShare = await timeLook(outright.set)
const bytesPerEntry = { outright: outright.bytes, bounded: bounded.bytes }
process.stdout.write(JSON.stringify({ bytesPerEntry, lookShare }))

/** Entries as they come in a snapshot: made from JSON, with values of 43 characters. */
function weigh(more: (index: number) => object): { readonly set: RevocationSet; readonly bytes: number } {
  const set = createRevocationSet()
  const before = heap()
  for (let start = 0; start < COUNT; start += 1000) {
    const entries = Array.from({ length: 1000 }, (_, offset) => entry(start + offset, more))
    for (const read of readPage(JSON.parse(JSON.stringify({ sequence: start, entries }))).entries) set.add(read)
  }
  const bytes = (heap() - before) / COUNT
  if (set.size !== COUNT) throw new Error(`${set.size} entries`)
  return { set, bytes }
}

function entry(index: number, more: (index: number) => object): object {
  const kind = ['jti', 'sid', 'grant_id', 'sub'][index % 4]
  const value = `gra_${Buffer.from(crypto.getRandomValues(new Uint8Array(29))).toString('base64url')}`
  return { sequence: index, kind, value, until: now + 900 + (index % 900), ...more(index) }
}

function heap(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function timeLook(set: RevocationSet): Promise<number> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const claims = { iat: now, jti: 'j', sid: 's', grant_id: 'g', sub: 'acc', client_id: 'c' }
  const token = await new SignJWT({ ...claims, exp: now + 900 }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const verify = await millisecondsOf(300, async () => void (await jwtVerify(token, publicKey)))
  const looks = 100_000
  const look = await millisecondsOf(5, async () => {
    for (let count = 0; count < looks; count += 1) set.find({ kid: 'k', ...claims }, now)
  })
  return look / looks / verify
}

/** The median, after a warm-up. */
async function millisecondsOf(times: number, work: () => Promise<void>): Promise<number> {
  const taken: number[] = []
  for (let run = 0; run < times * 2; run += 1) {
    const began = performance.now()
    await work()
    if (run >= times) taken.push(performance.now() - began)
  }
  return taken.sort((one, other) => one - other)[Math.floor(times / 2)] ?? 0
}
