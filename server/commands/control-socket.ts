// The control socket: while a server has the embedded database open, the command line asks it, since two processes on one
// directory would lose writes. A line of JSON each way; the socket's mode is what lets the same user in and nobody else.
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { types } from 'node:util'
import { z } from 'zod'
import { ConfigError } from '../../config/faults.ts'

/** What a verb found or did. */
export interface CommandOutput {
  /** For people. */
  readonly text: string
  /** For programs (`--json`). */
  readonly data: unknown
}

/** A verb and what it was given. */
export interface Command {
  readonly verb: string
  readonly args: Readonly<Record<string, unknown>>
}

/** What answers each verb. A thrown error's message is the answer. */
export type CommandHandlers = Readonly<Record<string, (args: Readonly<Record<string, unknown>>) => Promise<CommandOutput>>>

/** The server could not do it; the message is its answer. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

const FILE_NAME = 'control.sock'

/** Unix sockets have short names: 104 bytes on some systems, with the end. */
const LONGEST_PATH = 103

const MOST_BYTES = 1024 * 1024
const ANSWER_WITHIN_MS = 120_000
const REQUEST_WITHIN_MS = 5000

const request = z.object({ verb: z.string(), args: z.record(z.string(), z.unknown()) })
const answer = z.union([
  z.object({ ok: z.literal(true), output: z.object({ text: z.string(), data: z.unknown() }) }),
  z.object({ ok: z.literal(false), error: z.string() }),
])

/**
 * Listens for commands until it is disposed of. Whoever calls it has the database of the directory open, so a socket that
 * is there is left over.
 * @throws ConfigError when the path of the directory is too long for a socket
 */
export async function listenForCommands(deps: {
  readonly dataDir: string
  readonly handlers: CommandHandlers
}): Promise<AsyncDisposable> {
  const path = socketPath(deps.dataDir)
  const connections = new Set<Socket>()
  const server = createServer((socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setTimeout(REQUEST_WITHIN_MS, () => socket.destroy())
    void answerOn(socket, deps.handlers)
  })
  rmSync(path, { force: true })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    // The socket is made by this very call, so nobody can reach it before its mode is right.
    const umask = process.umask(0o177)
    try {
      server.listen(path, done)
    } finally {
      process.umask(umask)
    }
  })
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy()
      await new Promise<void>((done) => server.close(() => done()))
      rmSync(path, { force: true })
    },
  }
}

/**
 * Asks the server that has the data directory open.
 * @returns its answer; undefined when no server listens there
 * @throws CommandFailed with the server's own words
 */
export async function askServer(dataDir: string, command: Command): Promise<CommandOutput | undefined> {
  const socket = await reach(socketPath(dataDir))
  if (socket === undefined) return undefined
  try {
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new CommandFailed('the server did not answer within two minutes')))
    socket.write(`${JSON.stringify(command)}\n`)
    const parsed = answer.safeParse(parseLine(await readLine(socket)))
    if (!parsed.success) throw new CommandFailed('the server gave no answer that could be understood: is it another version?')
    if (!parsed.data.ok) throw new CommandFailed(parsed.data.error)
    return parsed.data.output
  } finally {
    socket.destroy()
  }
}

async function answerOn(socket: Socket, handlers: CommandHandlers): Promise<void> {
  let reply: z.input<typeof answer>
  try {
    const command = request.safeParse(parseLine(await readLine(socket)))
    // From here on it is our time that passes, not the caller's.
    socket.setTimeout(0)
    const handler = command.success && Object.hasOwn(handlers, command.data.verb) ? handlers[command.data.verb] : undefined
    if (!command.success) reply = { ok: false, error: 'that is no command' }
    else if (handler === undefined)
      reply = { ok: false, error: `the running server does not know "${command.data.verb}": is it another version?` }
    else reply = { ok: true, output: await handler(command.data.args) }
  } catch (error) {
    reply = { ok: false, error: types.isNativeError(error) ? error.message : String(error) }
  }
  if (!socket.destroyed) socket.end(`${JSON.stringify(reply)}\n`)
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((done, failed) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      done(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') done(undefined)
      else failed(error)
    })
  })
}

/** The first line that comes. @throws when the other end goes before it, or the line is too long */
function readLine(socket: Socket): Promise<string> {
  return new Promise((done, failed) => {
    const chunks: Buffer[] = []
    let size = 0
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(10)
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
      size += chunk.length
      if (end >= 0) done(Buffer.concat(chunks).toString('utf8'))
      else if (size > MOST_BYTES) socket.destroy(new CommandFailed('the line is too long'))
    })
    socket.once('error', failed)
    socket.once('close', () => failed(new CommandFailed('the server went away before it answered')))
  })
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function socketPath(dataDir: string): string {
  const path = join(resolve(dataDir), FILE_NAME)
  const shorter = [path, relative(process.cwd(), path)].find((one) => Buffer.byteLength(one) <= LONGEST_PATH)
  if (shorter !== undefined) return shorter
  const wanted = `a path of ${LONGEST_PATH - FILE_NAME.length - 1} bytes at most: the embedded database has a socket in it`
  throw new ConfigError([
    { name: 'DATA_DIR', read: `a path of ${Buffer.byteLength(resolve(dataDir))} bytes`, wanted, example: 'DATA_DIR=./.data' },
  ])
}
