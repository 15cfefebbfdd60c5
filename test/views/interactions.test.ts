// What the pages say and which fields and buttons they have: people, password managers and other programs rely on it.
import { describe, expect, test } from '@jest/globals'
import { messagePage } from '../../views/errors/message.ts'
import { signInExpiredPage } from '../../views/errors/sign-in-expired.ts'
import { homePage } from '../../views/home.ts'
import type { Html } from '../../views/html.ts'
import { type ConsentPage, consentPage } from '../../views/interactions/consent.ts'
import { continuePage } from '../../views/interactions/continue.ts'
import { type LoginPage, loginPage } from '../../views/interactions/login.ts'
import { continuePostPage } from '../../views/logout/continue-post.ts'
import { leavingPage } from '../../views/logout/leaving.ts'
import { signOutPage } from '../../views/logout/sign-out.ts'
import { signedOutPage } from '../../views/logout/signed-out.ts'
import { type Tag, tagsOf } from './page-markup.ts'

const LOGIN: LoginPage = {
  action: '/interactions/u/login',
  abortAction: '/interactions/u/abort',
  csrf: 'token',
  clientName: 'Notes',
  redirectHost: 'notes.example',
  reauthentication: false,
}

const CONSENT: ConsentPage = {
  action: '/interactions/u/consent',
  abortAction: '/interactions/u/abort',
  csrf: 'token',
  client: { id: 'notes', name: 'Notes' },
  redirectHost: 'notes.example',
  email: 'ada@example.com',
  openid: ['openid', 'email'],
  resources: { 'https://api.example/': ['notes.read', 'notes.write'] },
}

describe('sign-in', () => {
  test('has the fields that password managers look for, and goes ahead with the first button of the first form', () => {
    const [first, second] = forms(loginPage(LOGIN))
    expect(first).toMatchObject({ action: LOGIN.action, hidden: { csrf: 'token' }, buttons: [['', '']] })
    expect(first?.fields).toEqual([
      ['username', 'text', 'username'],
      ['password', 'password', 'current-password'],
    ])
    expect(second).toMatchObject({ action: LOGIN.abortAction, hidden: { csrf: 'token' }, buttons: [['cancel', 'cancel']] })
  })

  test('says where it leads', () => {
    expect(wordsOf(loginPage(LOGIN))).toContain('to go on to Notes at notes.example')
    expect(wordsOf(loginPage({ ...LOGIN, reauthentication: true }))).toContain('asks for your password once more')
  })

  test('never gives a password back, and puts the cursor where something is missing', () => {
    const focused = (page: Html) =>
      tagsOf(String(page))
        .find(({ attributes }) => attributes.has('autofocus'))
        ?.attributes.get('name')
    expect(focused(loginPage(LOGIN))).toBe('username')
    const again = loginPage({ ...LOGIN, username: 'ada@example.com', problem: 'refused' })
    expect(focused(again)).toBe('password')
    expect(field(again, 'username').attributes.get('value')).toBe('ada@example.com')
    expect(field(again, 'password').attributes.has('value')).toBe(false)
  })

  test('explains a refusal at the title, above the form and at both fields', () => {
    const page = loginPage({ ...LOGIN, username: 'ada@example.com', problem: 'refused' })
    expect(String(page)).toContain('<title>Sign-in failed – ')
    expect(String(page)).toContain('id="problem" role="alert"><p>That e-mail or password is not right.</p>')
    for (const name of ['username', 'password']) {
      expect(field(page, name).attributes.get('aria-invalid')).toBe('true')
      expect(field(page, name).attributes.get('aria-describedby')).toBe('problem')
    }
  })

  test.each([
    [undefined, 'a little later'],
    [1, 'in less than a minute'],
    [59, 'in less than a minute'],
    [60, 'in a minute'],
    [61, 'in 2 minutes'],
    [900, 'in 15 minutes'],
  ])('says how long to wait: %p seconds', (seconds, words) => {
    const wait = seconds === undefined ? {} : { retryAfterSeconds: seconds }
    for (const problem of ['too_many', 'busy'] as const) {
      const page = loginPage({ ...LOGIN, problem, ...wait })
      expect(wordsOf(page)).toContain(`Please try again ${words}.`)
      expect(String(page)).toContain('<title>Sign-in failed – ')
      expect(field(page, 'password').attributes.has('aria-invalid')).toBe(false)
    }
  })
})

describe('consent', () => {
  test('CN: allows with the first button of the first form, and refuses with one named deny', () => {
    expect(forms(consentPage(CONSENT))).toMatchObject([
      { action: CONSENT.action, hidden: { csrf: 'token' }, buttons: [['', '']] },
      { action: CONSENT.abortAction, hidden: { csrf: 'token' }, buttons: [['deny', 'deny']] },
    ])
  })

  test('says who asks, for whom, for what, and where it leads', () => {
    const words = wordsOf(consentPage(CONSENT))
    for (const said of ['Let Notes in?', 'ada@example.com', 'See your e-mail address', 'taken to notes.example']) {
      expect(words).toContain(said)
    }
    expect(words).toContain('Act for you at https://api.example/ with the permissions notes.read notes.write')
    expect(words).not.toContain('See your postal address')
  })

  test('says what the scopes of an API mean, where that is known, and always which API it is', () => {
    const apis = { 'https://api.example/': { name: 'Notes', scopes: { 'notes.read': 'Read your notes' } } }
    const words = wordsOf(consentPage({ ...CONSENT, apis }))
    expect(words).toContain('Act for you at Notes https://api.example/ Read your notes with the permissions notes.write')
    const all = { 'https://api.example/': { scopes: { 'notes.read': 'Read your notes', 'notes.write': 'Write for you' } } }
    expect(wordsOf(consentPage({ ...CONSENT, apis: all }))).toContain('at https://api.example/ Read your notes Write for you')
    expect(wordsOf(consentPage({ ...CONSENT, apis: all }))).not.toContain('permissions')
    // Not what every object has by itself.
    expect(wordsOf(consentPage({ ...CONSENT, resources: { constructor: ['constructor'] }, apis: {} }))).toContain(
      'Act for you at constructor with the permissions constructor',
    )
  })

  test.each([
    ['openid', 'Know who you are'],
    ['profile', 'See your profile'],
    ['email', 'See your e-mail address'],
    ['address', 'See your postal address'],
    ['phone', 'See your phone number'],
    ['offline_access', 'Stay connected while you are away'],
  ])('has plain words for the scope %s', (scope, words) => {
    const asked = wordsOf(consentPage({ ...CONSENT, openid: [scope], resources: {} }))
    expect(asked).toContain(words)
    expect(asked).toContain('Know who you are')
    expect(wordsOf(consentPage({ ...CONSENT, openid: [], resources: {} })).includes(words)).toBe(scope === 'openid')
  })

  test('names a scope that it does not know as it is', () => {
    expect(wordsOf(consentPage({ ...CONSENT, openid: ['openid', 'constructor'] }))).toContain('constructor')
  })

  test('links to what the app says about itself, and loads no picture from it', () => {
    const client = { ...CONSENT.client, logoUri: 'https://notes.example/logo.png', policyUri: 'https://notes.example/privacy' }
    const markup = String(consentPage({ ...CONSENT, client }))
    expect(markup).toContain('href="https://notes.example/privacy" rel="noreferrer noopener"')
    expect(markup).not.toContain('logo.png')
  })
})

describe('after a form', () => {
  test('there is a link for those whose browser does not go on by itself', () => {
    expect(String(continuePage({ url: 'https://auth.example/authorize/u' }))).toContain(
      'href="https://auth.example/authorize/u">Continue<',
    )
    expect(String(continuePage({ url: 'javascript:alert(1)' }))).toContain('href="/account">Continue<')
  })

  test('there is a form with one button where a form must be posted on', () => {
    const page = continuePostPage({
      action: 'https://app.example/cb',
      fields: { code: 'c', state: 's' },
      label: 'Go on',
      explanation: 'So.',
    })
    expect(forms(page)).toEqual([
      { action: 'https://app.example/cb', hidden: { code: 'c', state: 's' }, fields: [], buttons: [['', '']] },
    ])
  })
})

describe('sign-out', () => {
  test('is one form that ends this session unless everywhere is chosen, and a link for those who stay', () => {
    const page = signOutPage({
      action: 'https://auth.example/logout/confirm',
      xsrf: 'x',
      clientName: 'Notes',
      email: 'ada@example.com',
    })
    expect(forms(page)).toEqual([
      {
        action: 'https://auth.example/logout/confirm',
        hidden: { xsrf: 'x', logout: 'yes' },
        fields: [
          ['scope', 'radio', undefined],
          ['scope', 'radio', undefined],
        ],
        buttons: [['', '']],
      },
    ])
    const radios = tagsOf(String(page)).filter(({ attributes }) => attributes.get('type') === 'radio')
    expect(radios.map(({ attributes }) => [attributes.get('value'), attributes.has('checked')])).toEqual([
      ['session', true],
      ['account', false],
    ])
    expect(String(page)).toContain('href="/account">Stay signed in<')
    expect(wordsOf(page)).toContain('Notes asks to sign you out.')
  })

  test('frames web addresses only, each in a sandbox, and escapes them', () => {
    const frames = ['https://app.example/logout?iss=a&sid=b', 'javascript:alert(1)', 'https://app.example/"onload="alert(1)']
    const page = String(leavingPage({ url: 'https://app.example/bye', frames }))
    expect(page).toContain('<iframe src="https://app.example/logout?iss=a&amp;sid=b"')
    expect(page).not.toContain('javascript:')
    expect(page).not.toContain('"onload=')
    expect(page.match(/<iframe/g)).toHaveLength(2)
    expect(page.match(/sandbox="allow-same-origin allow-scripts"/g)).toHaveLength(2)
    expect(String(leavingPage({ url: 'javascript:alert(1)', frames: [] }))).toContain('href="/account">Continue<')
  })

  test('says that it is done', () => {
    expect(wordsOf(signedOutPage({ clientName: 'Notes' }))).toContain('You have left Notes. You can close this window now.')
    expect(wordsOf(signedOutPage({}))).not.toContain('You have left')
  })
})

describe('messages', () => {
  test('show what happened, what to do, and what to name when asking for help', () => {
    const page = messagePage({
      title: 'Busy',
      text: 'Later.',
      detail: 'why',
      requestId: 'r1',
      action: { href: '/account', label: 'Go' },
    })
    expect(wordsOf(page)).toContain('Busy Later. Go For the app’s developer: why If you ask for help, name this: r1')
    expect(wordsOf(messagePage({ title: 'Busy', text: 'Later.' }))).not.toContain('ask for help')
  })

  test('lead back to the app when a sign-in has expired', () => {
    const page = signInExpiredPage({ requestId: 'r1' })
    expect(wordsOf(page)).toContain('This sign-in has expired')
    expect(wordsOf(page)).toContain('Go back to the app you came from')
    expect(String(page)).toContain('href="/account"')
  })

  test('lead to the demo only when there is one', () => {
    expect(String(homePage({}))).not.toContain('demo')
    const demo = homePage({ demo: { spa: 'http://localhost:3001/', server: 'http://localhost:3002/' } })
    expect(String(demo)).toContain('href="http://localhost:3001/"')
    expect(String(demo)).toContain('href="http://localhost:3002/"')
  })
})

function forms(page: Html) {
  return [...String(page).matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => {
    const [outer, ...inside] = tagsOf(form)
    const inputs = inside.filter(({ name }) => name === 'input')
    const of = (tag: Tag, key: string) => tag.attributes.get(key)
    return {
      action: outer?.attributes.get('action'),
      hidden: Object.fromEntries(
        inputs.filter((tag) => of(tag, 'type') === 'hidden').map((tag) => [of(tag, 'name'), of(tag, 'value')]),
      ),
      fields: inputs
        .filter((tag) => of(tag, 'type') !== 'hidden')
        .map((tag) => [of(tag, 'name'), of(tag, 'type'), of(tag, 'autocomplete')]),
      buttons: inside.filter(({ name }) => name === 'button').map((tag) => [of(tag, 'name') ?? '', of(tag, 'value') ?? '']),
    }
  })
}

function field(page: Html, name: string): Tag {
  const found = tagsOf(String(page)).find((tag) => tag.name === 'input' && tag.attributes.get('name') === name)
  if (found === undefined) throw new Error(`no field ${name}`)
  return found
}

/** What is to be read on a page, in one line. */
function wordsOf(page: Html): string {
  return String(page)
    .replaceAll(/<\/?(p|div|li|h[1-6]|section|form|a|button|header)\b[^>]*>/g, ' ')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/\s+/g, ' ')
}
