// The single-page app: signs in by authorization code with PKCE, refreshes, calls an API, and signs out. The protocol is
// oidc-client-ts's; here is what an app does with it. (replay.js and revocation.js try out what no app needs.)
import { forgetOldRefreshToken, keepOldRefreshToken, oldRefreshToken, replay } from './replay.js'
import { createCopies, revokeAccessToken, untilRefused } from './revocation.js'

const { UserManager, WebStorageStateStore } = globalThis.oidc
const config = await (await fetch('/config.json')).json()

const manager = new UserManager({
  authority: config.issuer,
  client_id: config.client_id,
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/`,
  response_type: 'code',
  scope: 'openid profile email notes:read notes:write',
  // RFC 8707: the API that the access token is for.
  resource: config.api,
  // Tokens stay in this tab, and survive a reload of it.
  userStore: new WebStorageStateStore({ store: sessionStorage }),
  stateStore: new WebStorageStateStore({ store: sessionStorage }),
  // Tokens are refreshed when they are needed, by `freshUser`.
  automaticSilentRenew: false,
  loadUserInfo: false,
})

/** Element by id. */
const at = (id) => document.getElementById(id)
let user = null
let busy = false
const copies = createCopies(config)
/** It can be revoked once. */
let revoked

on('sign-in', () => manager.signinRedirect())
on('sign-out', async () => {
  forgetOldRefreshToken()
  // OpenID Connect RP-Initiated Logout: ends the session at the authorization server, and with it that of other apps.
  await manager.signoutRedirect()
})
on('refresh', async () => {
  await refresh()
  say('Refreshed: there is a new access token and a new refresh token. The old refresh token has been used up.')
})
on('call-api', async () => {
  const { notes, refused } = await callApi('GET')
  await showNotes(notes)
  say(
    refused
      ? 'The API refused the access token: it was revoked. A refresh got another, which it took.'
      : 'The API took the access token.',
  )
})
on('add-note', async () => {
  await showNotes((await callApi('POST', { text: at('note').value })).notes)
  at('note').value = ''
  say('The note is kept.')
})
on('replay', async () => {
  const outcome = await replay({ manager, config, user })
  if (outcome.ended) await forgetUser()
  say(outcome.text, outcome.ended)
})

on('revoke', async () => {
  const token = user.access_token
  await revokeAccessToken({ manager, config, user })
  revoked = token
  const refused = await Promise.all(config.apis.map((api) => untilRefused(copies, api, token)))
  await showCopies()
  if (refused.includes(false)) return say('A copy of the API still takes the token.', true)
  say(
    `Both copies of the API refuse the token, which would be good for ${duration(user.expires_in)} yet. The next call refreshes.`,
  )
})

try {
  if (location.pathname === '/callback') await finishSignIn()
  else user = await manager.getUser()
} catch (error) {
  say(`Signing in did not work: ${error.message}`, true)
}
show()
setInterval(show, 1000)
await showCopies()
setInterval(showCopies, 2000)

/** The authorization server has sent the person back: the code is exchanged, and the address is tidied. */
async function finishSignIn() {
  const parameters = location.search
  history.replaceState(null, '', '/')
  forgetOldRefreshToken()
  user = await manager.signinCallback(`${location.origin}/callback${parameters}`)
  // Name and e-mail address come from userinfo (OpenID Connect Core §5.3). The app works without them.
  const endpoint = await manager.metadataService.getUserInfoEndpoint()
  const answer = await fetch(endpoint, { headers: { authorization: `Bearer ${user.access_token}` } }).catch(() => undefined)
  const claims = answer?.ok ? await answer.json() : {}
  // §5.3.2: claims of somebody else MUST NOT be used.
  if (claims.sub === user.profile.sub) Object.assign(user.profile, claims)
  await manager.storeUser(user)
}

/** Trades the refresh token for a new pair. When that is refused, the person is signed out. */
async function refresh() {
  const old = user.refresh_token
  try {
    user = await manager.signinSilent()
    keepOldRefreshToken(old)
  } catch (error) {
    if (error.error !== 'invalid_grant') throw error
    await forgetUser()
    throw new Error('You have been signed out: the authorization server no longer takes this refresh token.')
  }
}

/** Calls the API; refreshes first when the access token is at its end, and once when the API refuses it. */
async function callApi(method, body) {
  if (user.expires_in < 5) await refresh()
  let response = await send(method, body)
  const refused = response.status === 401
  if (refused) {
    await refresh()
    response = await send(method, body)
  }
  if (!response.ok) throw new Error(`The API answered ${response.status}: ${(await response.json()).error}`)
  return { notes: (await response.json()).notes, refused }
}

function send(method, body) {
  return fetch(`${config.api}/notes`, {
    method,
    headers: { authorization: `Bearer ${user.access_token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  })
}

async function forgetUser() {
  user = null
  forgetOldRefreshToken()
  await manager.removeUser()
}

function show() {
  at('signed-in').hidden = user === null
  at('signed-out').hidden = user !== null
  for (const button of document.getElementsByTagName('button')) button.disabled = busy
  if (user === null) return
  const { name, email, sub } = user.profile
  at('name').textContent = name ?? email ?? sub
  at('email').textContent = email ?? 'not told'
  at('subject').textContent = sub
  at('access-token').textContent = user.expires_in > 0 ? `good for ${duration(user.expires_in)}` : 'expired'
  at('refresh-token').textContent = generation(user.refresh_token)
  const old = oldRefreshToken()
  at('old-refresh-token').textContent = old
    ? `${generation(old.token)}, used ${duration(old.age)} ago`
    : 'none yet: refresh first'
  at('refresh').disabled ||= !user.refresh_token
  at('replay').disabled ||= !old
  at('revoke').disabled ||= revoked === user.access_token
}

/** The live panel: what the copies of the API know of revocations, and whether they take the token. */
async function showCopies() {
  if (user === null) return
  const told = await copies.ask(user.access_token)
  for (const [index, status] of told.entries())
    at(`copy-${index}`).textContent = `${knowledge(status)}${refusal(status?.refusal)}`
}

function refusal(refused) {
  if (refused === undefined) return ''
  return refused.afterMs === undefined
    ? '; refuses the token'
    : `; refuses the token, from ${refused.afterMs} ms after its revocation on`
}

function knowledge(status) {
  if (status === undefined) return 'does not answer'
  if (status.sequence === null) return 'asks the authorization server about each token'
  return `refuses by revocations up to no. ${status.sequence}${status.stale ? ', and hears of none at present' : ''}`
}

function showNotes(notes) {
  at('notes').replaceChildren(...notes.map((note) => Object.assign(document.createElement('li'), { textContent: note })))
  at('notes').hidden = notes.length === 0
  at('no-notes').hidden = notes.length > 0
  at('no-notes').textContent = 'There are no notes yet.'
}

/** Latchkey's refresh tokens tell how often they have been rotated: `rt_….N.…`. */
function generation(token) {
  if (!token) return 'none'
  const number = /^rt_[^.]+\.(\d+)\./.exec(token)?.[1]
  return number === undefined ? 'there is one' : `generation ${number}`
}

function duration(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

function say(text, warning = false) {
  at('message').textContent = text
  at('message').classList.toggle('warning', warning)
}

/** Does something when a button is pressed or a form is sent; one thing at a time. */
function on(id, action) {
  const element = at(id)
  element.addEventListener(element instanceof HTMLFormElement ? 'submit' : 'click', async (event) => {
    event.preventDefault()
    if (busy) return
    busy = true
    show()
    await action().catch((error) => say(error.message, true))
    busy = false
    show()
  })
}
