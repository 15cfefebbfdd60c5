// A Redis client, whichever it is: ioredis and node-redis (4 and 5) can both send a command as it stands, and that is all that a
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
  duplicate(): NodeRedisLike
  connect(): Promise<unknown>
  sendCommand(args: string[]): Promise<unknown>
  /** Version 5. */
  destroy?(): unknown
  /** Version 4. */
  disconnect?(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** A connection of the guard's own. */
export interface RedisConnection {
  send(command: string, ...args: string[]): Promise<unknown>
  close(): void
}

/** Opens one beside the client's. @throws what the client throws */
export async function openConnection(client: RedisClient): Promise<RedisConnection> {
  if (isIoredis(client)) {
    const own = client.duplicate(PATIENT)
    // A failure shows in the command that failed; an event that nobody hears would end the process.
    own.on('error', () => undefined)
    return { send: (command, ...args) => own.call(command, ...args), close: () => void own.disconnect() }
  }
  const own = client.duplicate()
  own.on('error', () => undefined)
  await own.connect()
  return {
    send: (...command) => own.sendCommand(command),
    close: () => void (own.destroy === undefined ? own.disconnect?.() : own.destroy()),
  }
}

/** Reads wait for news here, which is not what the owner's connection is set up for; and the stream's name is the server's. */
const PATIENT = { keyPrefix: '', enableOfflineQueue: true, commandTimeout: undefined, lazyConnect: false }

function isIoredis(client: RedisClient): client is IoredisLike {
  return 'call' in client && typeof client.call === 'function'
}
