// Server-sent events are read as the standard has them, however the bytes are cut (HTML Living Standard §9.2.6).
import { expect, test } from '@jest/globals'
import { readEvents, type ServerSentEvent } from '../../guard/server-sent-events.ts'

const STREAM = [
  ': a comment\n\n',
  'id: 7\ndata: {"sequence":7}\n\n',
  'event: heartbeat\r\ndata: {"sequence":7}\r\n\r\n',
  'data:first\rdata: second\rdata\r\r',
  'event: nothing in it\n\n',
  'id: with\0zero\ndata: ü€😀\nretry: 5\nunknown: x\n\n',
  'data: never finished',
].join('')

const EVENTS = [
  { type: 'message', data: '{"sequence":7}', id: '7' },
  { type: 'heartbeat', data: '{"sequence":7}', id: undefined },
  { type: 'message', data: 'first\nsecond\n', id: undefined },
  { type: 'message', data: 'ü€😀', id: undefined },
]

test.each([1, 2, 3, 7, 1000])('in pieces of %d bytes', async (size) => {
  const bytes = new TextEncoder().encode(STREAM)
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  )
  let heard = 0
  const events: ServerSentEvent[] = []
  for await (const event of readEvents(ReadableStream.from(pieces), () => (heard += 1))) events.push(event)
  expect(events).toEqual(EVENTS)
  expect(heard).toBe(pieces.length)
})

test.each(['x', 'data: x\n'])('an event of "%s" without an end is no reason to run out of memory', async (piece) => {
  const endless = ReadableStream.from(
    (function* () {
      for (;;) yield new TextEncoder().encode(piece.repeat(10_000))
    })(),
  )
  const read = async () => {
    for await (const event of readEvents(endless, () => undefined)) expect(event).toBeUndefined()
  }
  await expect(read()).rejects.toThrow('too long')
})

test('many events at once are no long event', async () => {
  const bytes = new TextEncoder().encode('data: 12345678\n\n'.repeat(200_000))
  let count = 0
  for await (const { data } of readEvents(ReadableStream.from([bytes]), () => undefined)) count += data === '12345678' ? 1 : 0
  expect(count).toBe(200_000)
})

test('whoever stops listening ends the request', async () => {
  let cancelled = false
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('data: x\n\n')),
    cancel: () => {
      cancelled = true
    },
  })
  for await (const event of readEvents(body, () => undefined)) if (event.data === 'x') break
  expect(cancelled).toBe(true)
})
