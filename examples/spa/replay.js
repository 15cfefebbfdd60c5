// What no app needs, and every thief tries: a refresh token that has been used already is sent once more. A server that
// rotates refresh tokens must notice (RFC 9700 §4.14.2).
const KEPT = 'old-refresh-token'

/** Keeps the refresh token that has just been used. */
export function keepOldRefreshToken(token) {
  if (token) sessionStorage.setItem(KEPT, JSON.stringify({ token, usedAt: Date.now() }))
}

/** The one that was kept, and its age in seconds; undefined when there is none. */
export function oldRefreshToken() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null')
  return kept === null ? undefined : { token: kept.token, age: Math.floor((Date.now() - kept.usedAt) / 1000) }
}

export function forgetOldRefreshToken() {
  sessionStorage.removeItem(KEPT)
}

/** Sends the old token, and tells in words what came of it; `ended` says that the person is signed out by it. */
export async function replay({ manager, config, user }) {
  const { token, age } = oldRefreshToken()
  const answer = await redeem(manager, config, token)
  const since = `The old refresh token was sent again ${age} s after its use.`
  if (answer.refresh_token === user.refresh_token) {
    return {
      ended: false,
      text: `${since} That is inside the replay window, so it was taken for a retry of an answer that got lost: it gave the same successor that you have already. No token was gained.`,
    }
  }
  if (answer.refresh_token) {
    return { ended: false, text: `${since} It gave another new refresh token: this server does not notice a replay.` }
  }
  if (answer.error !== 'invalid_grant') throw new Error(`The token endpoint answered ${answer.error ?? 'nothing of use'}.`)
  // Refused. Is it only the old one, or is the newest dead as well?
  const newest = await redeem(manager, config, user.refresh_token)
  if (newest.error === 'invalid_grant') {
    return {
      ended: true,
      text: `${since} It was refused, and the newest one is refused now too: the server took it for theft and ended the whole family of tokens. You are signed out here.`,
    }
  }
  const { access_token, refresh_token, expires_in } = newest
  if (refresh_token) await manager.storeUser(Object.assign(user, { access_token, refresh_token, expires_in }))
  return { ended: false, text: `${since} It was refused. The newest one still works.` }
}

async function redeem(manager, { client_id, api }, refresh_token) {
  const response = await fetch(await manager.metadataService.getTokenEndpoint(), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token, resource: api }),
  })
  return response.json()
}
