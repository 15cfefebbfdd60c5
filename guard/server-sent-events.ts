// Server-sent events, as far as a feed needs them: bytes in, events out (HTML Living Standard §9.2.6).

/** An event. */
export interface ServerSentEvent {
  /** `message` when the server names none. */
  readonly type: string
  readonly data: string
  /** Undefined when this event has none. */
  readonly id: string | undefined
}

/** An event longer than this is no entry of a feed. */
const MAX_CHARACTERS = 1_000_000

/**
 * Reads events until the stream ends. `onBytes` is told of every arrival, comments included.
 * @throws whatever the stream throws; RangeError when an event has no end
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const parser = createParser()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onBytes()
      yield* parser.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    // Whoever stops listening also ends the request.
    await reader.cancel().catch(() => undefined)
  }
}

function createParser() {
  let rest = ''
  let type = ''
  let id: string | undefined
  let data: string[] = []

  function take(line: string): ServerSentEvent | undefined {
    if (line === '') return finish()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') type = value
    if (field === 'data') data.push(value)
    if (field === 'id' && !value.includes('\0')) id = value
    return undefined
  }

  function finish(): ServerSentEvent | undefined {
    const event = data.length === 0 ? undefined : { type: type === '' ? 'message' : type, data: data.join('\n'), id }
    type = ''
    id = undefined
    data = []
    return event
  }

  return {
    *push(text: string): Generator<ServerSentEvent> {
      rest += text
      // A carriage return at the end may be the first half of a line's end.
      const complete = rest.endsWith('\r') ? rest.length - 1 : rest.length
      const lines = rest.slice(0, complete).split(/\r\n|\n|\r/)
      rest = (lines.pop() ?? '') + rest.slice(complete)
      for (const line of lines) {
        const event = take(line)
        if (event !== undefined) yield event
      }
      const unfinished = data.reduce((sum, line) => sum + line.length + 1, rest.length)
      if (unfinished > MAX_CHARACTERS) throw new RangeError('An event of the feed is too long.')
    },
  }
}
