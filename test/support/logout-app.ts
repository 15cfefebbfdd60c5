// An app that listens for back-channel logout, and answers as a test wants it to.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'

/** What an app was sent. */
export interface ReceivedLogout {
  readonly token: string
  readonly header: { readonly [name: string]: unknown }
  readonly claims: JWTPayload & { readonly [claim: string]: unknown }
  readonly contentType: string | undefined
  /** By `performance.now()`. */
  readonly at: number
}

/** How an app answers. */
export type AnswerLogout = (response: ServerResponse, count: number) => void

/** An app. */
export interface LogoutApp {
  readonly uri: string
  readonly received: ReceivedLogout[]
  answer: AnswerLogout
  stop(): Promise<void>
}

/** As it should. */
export const ACCEPT: AnswerLogout = (response) => void response.writeHead(200, { 'Cache-Control': 'no-store' }).end()

/** Answers with a status and nothing more. */
export function withStatus(status: number, headers: { readonly [name: string]: string } = {}): AnswerLogout {
  return (response) => void response.writeHead(status, headers).end('no')
}

/** Takes the request, and says nothing. */
export const HANG: AnswerLogout = () => undefined

/** Starts one. */
export async function startLogoutApp(port = 0): Promise<LogoutApp> {
  const received: ReceivedLogout[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const token = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).get('logout_token') ?? ''
    received.push({
      token,
      header: decodeProtectedHeader(token),
      claims: decodeJwt(token),
      contentType: request.headers['content-type'],
      at: performance.now(),
    })
    app.answer(response, received.length)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const app: LogoutApp = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/backchannel-logout`,
    received,
    answer: ACCEPT,
    stop: () => stop(server),
  }
  return app
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/** Waits for something that comes about by itself. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it does not come to that')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
