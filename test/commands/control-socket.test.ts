// The control socket: who may ask, what is answered, and what becomes of those who ask badly.
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { ConfigError } from '../../config/faults.ts'
import { askServer, CommandFailed, type CommandHandlers, listenForCommands } from '../../server/commands/control-socket.ts'

const root = mkdtempSync(join(tmpdir(), 'lk-'))
afterAll(() => rmSync(root, { recursive: true }))

let made = 0
function dataDir(): string {
  made += 1
  const path = join(root, String(made))
  mkdirSync(path)
  return path
}

const handlers: CommandHandlers = {
  greet: async ({ name }) => ({ text: `Hello, ${name}.`, data: { name } }),
  fail: async () => {
    throw new Error('it cannot be done')
  },
}

/** Sends bytes as they are; what comes back. */
function send(directory: string, bytes: string): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect(join(directory, 'control.sock'))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', () => done(text))
    socket.on('error', failed)
    socket.write(bytes)
  })
}

test('a command is answered', async () => {
  const directory = dataDir()
  await using _ = await listenForCommands({ dataDir: directory, handlers })
  await expect(askServer(directory, { verb: 'greet', args: { name: 'Ada\n“Lovelace”' } })).resolves.toEqual({
    text: 'Hello, Ada\n“Lovelace”.',
    data: { name: 'Ada\n“Lovelace”' },
  })
})

test('the words of a failure come over', async () => {
  const directory = dataDir()
  await using _ = await listenForCommands({ dataDir: directory, handlers })
  await expect(askServer(directory, { verb: 'fail', args: {} })).rejects.toThrow(new CommandFailed('it cannot be done'))
  await expect(askServer(directory, { verb: 'nothing', args: {} })).rejects.toThrow('does not know "nothing"')
  await expect(askServer(directory, { verb: 'constructor', args: {} })).rejects.toThrow('does not know "constructor"')
})

test('without a server there is no answer', async () => {
  const directory = dataDir()
  await expect(askServer(directory, { verb: 'greet', args: {} })).resolves.toBeUndefined()
  await expect(askServer(join(directory, 'nowhere'), { verb: 'greet', args: {} })).resolves.toBeUndefined()
  writeFileSync(join(directory, 'control.sock'), 'left over')
  await expect(askServer(directory, { verb: 'greet', args: {} })).resolves.toBeUndefined()
})

test('only the server’s own user may ask, whatever the umask', async () => {
  const directory = dataDir()
  const umask = process.umask(0)
  try {
    await using _ = await listenForCommands({ dataDir: directory, handlers })
    expect(statSync(join(directory, 'control.sock')).mode & 0o777).toBe(0o600)
    expect(process.umask()).toBe(0)
  } finally {
    process.umask(umask)
  }
})

test('a socket that was left over is taken, and none is left behind', async () => {
  const directory = dataDir()
  writeFileSync(join(directory, 'control.sock'), '')
  const listening = await listenForCommands({ dataDir: directory, handlers })
  await expect(askServer(directory, { verb: 'greet', args: { name: 'x' } })).resolves.toBeDefined()
  await listening[Symbol.asyncDispose]()
  expect(existsSync(join(directory, 'control.sock'))).toBe(false)
  await expect(askServer(directory, { verb: 'greet', args: {} })).resolves.toBeUndefined()
})

test.each(['no json\n', '{}\n', '[]\n', 'null\n', '{"verb":1,"args":{}}\n', '\n', '\u0000\n'])(
  'what is no command is refused: %j',
  async (bytes) => {
    const directory = dataDir()
    await using _ = await listenForCommands({ dataDir: directory, handlers })
    expect(JSON.parse(await send(directory, bytes))).toEqual({ ok: false, error: 'that is no command' })
  },
)

test('a line without an end is not kept for ever', async () => {
  const directory = dataDir()
  await using _ = await listenForCommands({ dataDir: directory, handlers })
  await expect(send(directory, 'x'.repeat(2 * 1024 * 1024)).catch(() => 'cut off')).resolves.toMatch(/^$|cut off/)
  await expect(askServer(directory, { verb: 'greet', args: { name: 'x' } })).resolves.toBeDefined()
})

test('one that hangs does not keep the server from stopping', async () => {
  const directory = dataDir()
  const listening = await listenForCommands({ dataDir: directory, handlers })
  const socket = connect(join(directory, 'control.sock'))
  await new Promise((done) => socket.once('connect', done))
  const closed = new Promise((done) => socket.once('close', done))
  socket.on('error', () => undefined)
  await listening[Symbol.asyncDispose]()
  await closed
})

test('a server that goes before it answers is told of', async () => {
  const directory = dataDir()
  let goes: () => Promise<void> = async () => undefined
  const listening = await listenForCommands({
    dataDir: directory,
    handlers: { wait: () => goes().then(() => new Promise(() => undefined)) },
  })
  goes = async () => listening[Symbol.asyncDispose]()
  await expect(askServer(directory, { verb: 'wait', args: {} })).rejects.toThrow('went away')
})

test('a data directory with too long a path is a fault of the configuration', async () => {
  const directory = join(root, 'x'.repeat(120))
  await expect(listenForCommands({ dataDir: directory, handlers })).rejects.toThrow(ConfigError)
})
