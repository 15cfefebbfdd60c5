// What a heartbeat proves: that everything is known as of a moment at which it cannot have been sent earlier, whatever the network
// does with it. Time stands still here unless a test moves it.
import { expect, test } from '@jest/globals'
import { createServerTime, type GuardClock, moment } from '../../guard/clock.ts'
import type { Feed } from '../../guard/feed.ts'
import { createKnowledge } from '../../guard/knowledge.ts'
import { createStreamSource } from '../../guard/stream-source.ts'

/** A stream whose events come when the test says so. */
async function openStream() {
  let elapsed = 1000
  const clock: GuardClock = { now: () => 1_795_000_000_000 + elapsed, elapsed: () => elapsed }
  const knowledge = createKnowledge(
    clock,
    createServerTime(clock, () => undefined),
    () => undefined,
  )
  knowledge.rebase({ sequence: 7, entries: [], asked: moment(clock) }, undefined)
  let write: (text: string) => void = () => undefined
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      write = (text) => controller.enqueue(new TextEncoder().encode(text))
    },
  })
  const feed: Feed = {
    read: () => Promise.reject(new Error('nobody asks')),
    listen: async () => ({ body, asked: moment(clock) }),
    acknowledge: async () => 0,
    leave: async () => undefined,
  }
  const following = createStreamSource({ feed, knowledge, clock }).follow(new AbortController().signal)
  return {
    knowledge,
    following,
    async heartbeat(afterMs: number, sequence = 7) {
      elapsed += afterMs
      write(`event: heartbeat\ndata: {"sequence":${sequence}}\n\n`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      return knowledge.staleForMs()
    },
  }
}

test('it counts from when it was sent at least, and not from its arrival', async () => {
  const stream = await openStream()
  expect(await stream.heartbeat(300)).toBe(300)
  // The server beats for all listeners at once: the second may come soon.
  expect(await stream.heartbeat(2000)).toBe(2300)
  expect(await stream.heartbeat(5000)).toBe(2300)
  expect(await stream.heartbeat(5000)).toBe(2300)
  expect(await stream.heartbeat(5100)).toBe(2400)
})

test('heartbeats that are kept back more and more do not pass for fresh ones, and the connection is given up', async () => {
  const stream = await openStream()
  await stream.heartbeat(10)
  expect(await stream.heartbeat(1000)).toBe(1010)
  expect(await stream.heartbeat(8000)).toBe(4010)
  expect(await stream.heartbeat(9000)).toBe(8010)
  expect(await stream.following).toBe('ended')
})

test('a burst after a pause is worth no more than its last', async () => {
  const stream = await openStream()
  await stream.heartbeat(10)
  await stream.heartbeat(1000)
  await stream.heartbeat(15_000)
  expect(await stream.following).toBe('ended')
})

test('one with a lower number asks for the snapshot', async () => {
  const stream = await openStream()
  await stream.heartbeat(10, 9)
  expect(stream.knowledge.sequence).toBe(9)
  await stream.heartbeat(1000, 8)
  expect(await stream.following).toBe('stale')
})
