// Asks the admin API why a request was refused, as somebody does who has its id.
import { expect } from '@jest/globals'
import { ask } from '../admin-api/api.ts'
import type { Page } from '../support/browser.ts'
import type { TestServer } from '../support/server.ts'

/** What the API says of a refused request: what it holds is what the tests are about. */
export type Explained = ReturnType<typeof JSON.parse>

/** Asks until it is written down: it is after the answer, and takes a second at most. */
export async function explained(server: TestServer, token: string, requestId: string | null): Promise<Explained> {
  const until = performance.now() + 10_000
  for (;;) {
    const { status, body } = await ask(server, token, `GET /refused-requests/${requestId}`)
    if (status === 200) return body
    if (performance.now() > until) throw new Error(`nothing is known of ${requestId}: ${JSON.stringify(body)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The id of a request by its answer. */
export function requestIdOf(answer: { readonly headers: Headers | Page['headers'] }): string {
  const { headers } = answer
  const id = headers instanceof Headers ? headers.get('x-request-id') : headers['x-request-id']
  if (typeof id !== 'string') throw new Error('the answer has no request id')
  return id
}

/** Expects the words that every cause has. */
export function expectWords(request: Explained): void {
  expect(request.summary).toMatch(/\w.*\.$/)
  expect(request.change).toMatch(/\w.*\.$/)
}
