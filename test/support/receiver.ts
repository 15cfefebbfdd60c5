// A program that takes what is posted to it, and answers as a test wants it to.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What it was sent. */
export interface ReceivedPost {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A program. */
export interface Receiver {
  readonly url: string
  readonly received: ReceivedPost[]
  answer: (response: ServerResponse) => void
  stop(): Promise<void>
}

/** Answers with a status and nothing more. */
export function withStatus(status: number, headers: { readonly [name: string]: string } = {}): Receiver['answer'] {
  return (response) => void response.writeHead(status, headers).end('no')
}

/** As it should. */
export const ACCEPT: Receiver['answer'] = withStatus(202)

/** Takes the request, and says nothing. */
export const HANG: Receiver['answer'] = () => undefined

/** Starts one. */
export async function startReceiver(): Promise<Receiver> {
  const received: ReceivedPost[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
    receiver.answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    answer: ACCEPT,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return receiver
}
