// A Redis client, whichever it is: ioredis and node-redis (4, 5 and 6) can both send a command as it stands, and that is all that a
// guard needs of them.

/** A client as the guard is given it: one of ioredis, or one of node-redis. It stays its owner's; the guard duplicates it. */
export type RedisClient = IoredisLike | NodeRedisLike

/** The part of ioredis that is used. */
export interface IoredisLike {
  duplicate(override?: object): IoredisLike
  call(command: string, ...args: string[]): Promise<unknown>
  disconnect(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of node-redis that is used. */
export interface NodeRedisLike {
  readonly options?: { readonly socket?: object | undefined } | undefined
  duplicate(override?: object): NodeRedisLike
  connect(): Promise<unknown>
  sendCommand(args: string[]): Promise<unknown>
  /** From version 5 on. */
  destroy?(): unknown
  /** Version 4. */
  disconnect?(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: () => void): unknown
}

/** A connection of the guard's own. */
export interface RedisConnection {
  send(command: string, ...args: string[]): Promise<unknown>
  /** Also while it is being opened. */
  close(): void
}

/** Opens one beside the client's. What the client cannot do shows in the first command. */
export function openConnection(client: RedisClient): RedisConnection {
  return isIoredis(client) ? besideIoredis(client) : besideNodeRedis(client)
}

/** Reads wait for news here, which is not what the owner's connection is set up for; and the stream's name is the server's. */
const PATIENT = {
  keyPrefix: '',
  enableOfflineQueue: true,
  commandTimeout: undefined,
  socketTimeout: undefined,
  lazyConnect: false,
}

function besideIoredis(client: IoredisLike): RedisConnection {
  const own = client.duplicate(PATIENT)
  // A failure shows in the command that failed; an event that nobody hears would end the process.
  own.on('error', () => undefined)
  return { send: (command, ...args) => own.call(command, ...args), close: () => void own.disconnect() }
}

function besideNodeRedis(client: NodeRedisLike): RedisConnection {
  const own = client.duplicate({
    ...PLAIN,
    // The guard connects again by itself: a client that goes on trying would outlive it.
    socket: { ...client.options?.socket, socketTimeout: undefined, reconnectStrategy: false },
  })
  let reached = false
  let closed = false
  own.on('error', () => undefined)
  // node-redis forgets a connection that is given up before it stands, and keeps it open: such a one is ended when it does.
  own.on('connect', () => {
    reached = true
    if (closed) void end(own)
  })
  const connected = own.connect()
  connected.catch(() => undefined)
  return {
    async send(...command) {
      await connected
      return own.sendCommand(command)
    },
    close() {
      closed = true
      if (reached) void end(own)
    },
  }
}

/** Neither the owner's haste nor his mappings of types, nor the old ways of version 4, nor a cache that is shared with him. */
const PLAIN = { commandOptions: {}, disableOfflineQueue: false, clientSideCache: undefined, legacyMode: false }

async function end(own: NodeRedisLike): Promise<void> {
  try {
    await (own.destroy === undefined ? own.disconnect?.() : own.destroy())
  } catch {
    // It had ended already.
  }
}

function isIoredis(client: RedisClient): client is IoredisLike {
  return 'call' in client && typeof client.call === 'function'
}
