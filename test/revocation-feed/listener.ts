// A listener of the tests: reads server-sent events as any client of theirs would, and keeps what came.

/** An event as it came. */
export interface FeedEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: { readonly [name: string]: unknown }
}

/** Someone who listens. */
export interface FeedListener {
  readonly status: number
  readonly headers: Headers
  readonly events: readonly FeedEvent[]
  /** The entries among the events. */
  entries(): FeedEvent['data'][]
  readonly ended: boolean
  /** Waits until it is so, at most ten seconds. */
  until(so: (listener: FeedListener) => boolean): Promise<void>
  close(): void
}

/** Connects; resolves when the head of the answer is there. */
export async function listen(url: string, headers: { readonly [name: string]: string }): Promise<FeedListener> {
  const control = new AbortController()
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: control.signal })
  const events: FeedEvent[] = []
  let ended = false
  const listener: FeedListener = {
    status: response.status,
    headers: response.headers,
    events,
    entries: () => events.filter(({ event }) => event === 'message').map(({ data }) => data),
    get ended() {
      return ended
    },
    async until(so) {
      const deadline = performance.now() + 10_000
      while (!so(listener)) {
        if (performance.now() > deadline) throw new Error(`it did not come: ${JSON.stringify(events.slice(-5))}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    close: () => control.abort(),
  }
  void read(response, events)
    .catch(() => undefined)
    .finally(() => {
      ended = true
    })
  return listener
}

async function read(response: Response, events: FeedEvent[]): Promise<void> {
  let text = ''
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk
    const frames = text.split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const fields = new Map(
        frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      const data = fields.get('data')
      if (data !== undefined)
        events.push({ event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) })
    }
  }
}
