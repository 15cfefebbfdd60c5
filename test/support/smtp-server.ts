// A mail server for tests, on a port of this machine: it takes mail as RFC 5321 has it, or refuses it, or never answers.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** A mail that arrived. */
export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Header and body as they came. */
  readonly raw: string
}

/** The server. */
export interface SmtpServer {
  readonly url: string
  readonly received: ReceivedMail[]
  /** Mails whose text has come, answered or not. */
  readonly seen: number
  /** How it answers the recipient and the text: a reply, or `nothing`. */
  answers: { rcpt: string; data: string }
  stop(): Promise<void>
}

/** Starts it; on a port of its own, or on one that it had before. */
export async function startSmtpServer(port = 0): Promise<SmtpServer> {
  const sockets = new Set<Socket>()
  const received: ReceivedMail[] = []
  const state = { answers: { rcpt: '250 ok', data: '250 ok' }, seen: 0 }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    converse(socket, state, received)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    received,
    get seen() {
      return state.seen
    },
    get answers() {
      return state.answers
    },
    set answers(answers) {
      state.answers = answers
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function converse(socket: Socket, state: { answers: SmtpServer['answers']; seen: number }, received: ReceivedMail[]): void {
  const say = (line: string) => void (line === 'nothing' || socket.write(`${line}\r\n`))
  let from = ''
  let to: string[] = []
  let unread = ''
  let inText = false
  const command = (line: string) => {
    const [, path = ''] = /<(.*)>/.exec(line) ?? []
    if (/^EHLO/i.test(line)) say('250-test\r\n250 8BITMIME')
    else if (/^MAIL/i.test(line)) {
      from = path
      to = []
      say('250 ok')
    } else if (/^RCPT/i.test(line)) {
      to.push(path)
      say(state.answers.rcpt)
    } else if (/^DATA/i.test(line)) {
      inText = true
      say('354 go on')
    } else say(/^QUIT/i.test(line) ? '221 bye' : '502 not here')
  }
  const read = () => {
    const end = inText ? '\r\n.\r\n' : '\r\n'
    const at = unread.indexOf(end)
    if (at === -1) return
    const part = unread.slice(0, at)
    unread = unread.slice(at + end.length)
    if (inText) {
      inText = false
      state.seen += 1
      if (state.answers.data.startsWith('250')) received.push({ from, to, raw: part.replaceAll('\r\n..', '\r\n.') })
      say(state.answers.data)
    } else command(part)
    read()
  }
  socket.setEncoding('utf8').on('data', (chunk) => {
    unread += chunk
    read()
  })
  say('220 test')
}
