// Hands a logout token to a client (OpenID Connect Back-Channel Logout 1.0 §2.5), and judges what the client answers.
import { type Post, wordsForStatus } from '../outbox/endpoint.ts'
import type { Exchange } from '../outbox/outbox.ts'

/** Posts a logout token. It does not throw; when the signal breaks it off, there was no answer. */
export type PostLogoutToken = (uri: string, logoutToken: string, signal: AbortSignal) => Promise<Exchange>

/** Makes the function. */
export function createClientEndpoint({ post }: { readonly post: Post }): PostLogoutToken {
  return async (uri, logoutToken, signal) => {
    const body = new URLSearchParams({ logout_token: logoutToken }).toString()
    const answer = await post(uri, { body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, signal)
    if (answer.status === undefined) return { accepted: false, ...answer }
    const { status } = answer
    // §2.8 has 200; many frameworks answer 204 where there is nothing to say.
    if (status === 200 || status === 204) return { accepted: true, status }
    // §2.8: the client finds fault with the token. Often it is set up wrongly, and takes the next one when that was seen to.
    return { accepted: false, status, error: status === 400 ? 'it refuses the logout token (400)' : wordsForStatus(status) }
  }
}
