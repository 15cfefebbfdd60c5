// Every page there is, made with one text in the place of everything that people, apps or operators may write, so that a
// test can put anything into all of them. A page that is missing here is missed by `every-page.test.ts`.
import { accountPage } from '../../views/account-console/account.ts'
import { appPage } from '../../views/account-console/app.ts'
import { passwordPage } from '../../views/account-console/password.ts'
import { type Reference, referenceGroupPage, referencePage } from '../../views/admin-api/reference.ts'
import { mailboxPage, mailPage } from '../../views/dev-mail/mailbox.ts'
import { messagePage } from '../../views/errors/message.ts'
import { signInExpiredPage } from '../../views/errors/sign-in-expired.ts'
import { homePage } from '../../views/home.ts'
import { type Html, html } from '../../views/html.ts'
import { consentPage } from '../../views/interactions/consent.ts'
import { continuePage } from '../../views/interactions/continue.ts'
import { formPostPage } from '../../views/interactions/form-post.ts'
import { loginPage } from '../../views/interactions/login.ts'
import { page } from '../../views/layout.ts'
import { continuePostPage } from '../../views/logout/continue-post.ts'
import { leavingPage } from '../../views/logout/leaving.ts'
import { signOutPage } from '../../views/logout/sign-out.ts'
import { signedOutPage } from '../../views/logout/signed-out.ts'
import { deadPasswordLinkPage, passwordSetPage, setPasswordPage } from '../../views/password-links/set-password.ts'
import { deadLinkPage, setupDonePage, setupPage } from '../../views/setup/setup.ts'
import { consolePages } from './console-pages.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/**
 * The pages by name.
 * @param text stands for names, descriptions and values
 * @param address stands for addresses that become links
 */
export function allPages(text: string, address = `https://app.example/${text}`): ReadonlyMap<string, Html> {
  const login = { action: text, abortAction: text, csrf: text, clientName: text, redirectHost: text, username: text }
  const consent = { action: text, abortAction: text, csrf: text, redirectHost: text, email: text }
  const client = { id: text, name: text, logoUri: address, clientUri: address, policyUri: address, tosUri: address }
  const session = { id: text, device: text, address: text, startedAt: WHEN, lastUsedAt: WHEN }
  const clients = [{ clientId: text, name: text }]
  const setup = { token: text, name: text, email: text, csrf: text, minLength: 12, maxLength: 256 }
  const password = { email: text, csrf: text, minLength: 12, maxLength: 256, history: 5 }
  const account = { email: text, name: text, csrf: { name: text, sessions: text, apps: text } }
  const openid = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', text]
  const apis = { [text]: { name: text, scopes: { [text]: text } } }
  const app = { clientId: text, clientName: text, openid, resources: { [text]: [text], [address]: [text] }, apis, csrf: text }
  const action = { href: address, label: text }
  const mail = { id: text, to: text, subject: text, createdAt: WHEN }
  return new Map<string, Html>([
    ['layout', page({ title: text, body: html`<h1>${text}</h1>` })],
    ['home', homePage({})],
    ['home with demo', homePage({ demo: { spa: address, server: address, mailbox: address } })],
    ['login', loginPage({ ...login, reauthentication: false })],
    ['login again', loginPage({ ...login, reauthentication: true })],
    ['login refused', loginPage({ ...login, reauthentication: false, problem: 'refused' })],
    ['login slowed', loginPage({ ...login, reauthentication: false, problem: 'too_many', retryAfterSeconds: 170 })],
    ['login busy', loginPage({ ...login, reauthentication: false, problem: 'busy' })],
    ['consent', consentPage({ ...consent, client, openid, resources: { [text]: [text, text], 'https://api.example/': [] } })],
    [
      'consent in the words of an API',
      consentPage({
        ...consent,
        client,
        openid,
        resources: { [text]: [text] },
        apis,
      }),
    ],
    ['consent to nothing more', consentPage({ ...consent, client: { id: text, name: text }, openid: [], resources: {} })],
    ['continue', continuePage({ url: address })],
    [
      'form post',
      formPostPage({ action: `https://app.example/${encodeURIComponent(text)}`, fields: { code: text, [text]: text } }),
    ],
    ['sign-out', signOutPage({ action: text, xsrf: text, clientName: text, email: text, another: true })],
    ['sign-out elsewhere', signOutPage({ action: text, xsrf: text, hint: text, clientName: text, elsewhere: true })],
    ['sign-out of nobody', signOutPage({ action: text, xsrf: text })],
    ['signed out', signedOutPage({ clientName: text })],
    ['signed out of nothing', signedOutPage({})],
    // Its frames are looked at where they are made (test/flows/front-channel-logout.test.ts): every other page has none.
    ['signed out by frames', leavingPage({ url: address, frames: [] })],
    [
      'continue by form',
      continuePostPage({
        action: `https://app.example/${encodeURIComponent(text)}`,
        fields: { [text]: text, state: text },
        label: text,
        explanation: text,
      }),
    ],
    ['message', messagePage({ title: text, text, detail: text, requestId: text, explained: true, action })],
    ['message of HTML', messagePage({ title: text, text: html`<p>${text}</p>` })],
    ['sign-in expired', signInExpiredPage({ requestId: text })],
    ['account', accountPage({ ...account, apps: [], sessions: [{ ...session, clients, current: true }] })],
    [
      'account with faults',
      accountPage({
        ...account,
        apps: [{ clientId: text, clientName: text, givenAt: WHEN, scopes: [text, text] }],
        notice: { deed: 'password_changed', sessions: 1, grants: 1 },
        nameFault: 'name_invalid',
        sessions: [
          { ...session, clients, current: true },
          { ...session, clients: [...clients, ...clients], current: false },
        ],
      }),
    ],
    ['app', appPage(app)],
    ['app without scopes', appPage({ ...app, openid: ['openid'], resources: {} })],
    ['mailbox', mailboxPage({ mails: [mail, { ...mail, id: 'mail_2' }] })],
    ['mailbox without mail', mailboxPage({ mails: [] })],
    ['mail', mailPage({ ...mail, text: `${text}\n\n  ${address}\n` })],
    ['password', passwordPage(password)],
    ['password refused', passwordPage({ ...password, fault: 'used_before' })],
    ['set password', setPasswordPage({ ...password, token: text })],
    ['set password refused', setPasswordPage({ ...password, token: text, fault: 'differs' })],
    ['password set', passwordSetPage({ email: text, ended: { sessions: 1, grants: 1 } })],
    ['password link dead', deadPasswordLinkPage()],
    ['setup', setupPage(setup)],
    ['setup refused', setupPage({ ...setup, fault: 'email_invalid' })],
    ['setup done', setupDonePage({ email: text })],
    ['setup link used', deadLinkPage({ ownerExists: true })],
    ['setup link dead', deadLinkPage({ ownerExists: false })],
    ...consolePages(text),
    ['reference', referencePage(referenceWith(text))],
    ...referenceWith(text).groups.map(
      (group) => ['reference of a noun', referenceGroupPage(referenceWith(text), group)] as const,
    ),
  ])
}

function referenceWith(text: string): Reference {
  const member = {
    name: text,
    type: ['list of ', { schema: 'Thing' }],
    required: true,
    meaning: `${text} \`${text.replaceAll('`', '')}\``,
  }
  const shape = { type: [{ schema: 'Thing' }, ` or ${text}`], members: [member] }
  const operation = {
    ...{ method: 'POST', path: text, name: 'doIt', summary: text, texts: [text, text], scopes: [text, text] },
    parameters: [{ ...member, place: 'query', required: false }],
    body: { ...shape, required: false, mediaTypes: [text, text] },
    answers: [
      { status: '200', meaning: text, mediaTypes: [text], headers: [{ name: text, always: true }], shape },
      { status: '202', meaning: text, mediaTypes: [text], headers: [{ name: text, always: false }] },
    ],
  }
  const schemas = [
    { ...shape, name: 'Thing', meaning: text },
    { name: 'Other', meaning: '', type: [text], members: [] },
  ]
  return {
    path: '/admin/api/v1',
    groups: [{ name: text, slug: 'things', operations: [operation], schemas }],
    problem: shape,
    problems: [{ type: text, status: 400, meaning: text }],
  }
}
