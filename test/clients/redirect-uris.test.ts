// Which addresses can be registered: the redirect cases of the attack catalogue, at registration.
import { describe, expect, test } from '@jest/globals'
import { calledUriFault, redirectUriFault, shownUriFault } from '../../server/clients/redirect-uris.ts'

describe('what can be registered', () => {
  test.each([
    'https://app.example/cb',
    'https://app.example/cb?tenant=a',
    'https://app.example',
    'https://app.example:8443/cb',
    'http://localhost:4001/callback',
    'http://127.0.0.1/cb',
    'http://[::1]:4001/cb',
    'https://xn--exmple-cua.test/cb',
  ])('a web client: %s', (uri) => {
    expect(redirectUriFault(uri, 'web')).toBeUndefined()
  })

  test.each([
    'com.example.app:/cb',
    'com.example.app://cb',
    'http://127.0.0.1:1234/cb',
    'http://localhost/cb',
    'https://app.example/cb',
  ])('a native client: %s', (uri) => {
    expect(redirectUriFault(uri, 'native')).toBeUndefined()
  })
})

describe('RU1 RU2 RU3 only the one spelling of an address', () => {
  test.each([
    ['https://app.example/cb/../evil', 'must be written "https://app.example/evil"'],
    ['https://app.example/cb/./x', 'must be written'],
    ['https://app.example/cb/%2e%2e/evil', 'percent-encoding'],
    ['https://app.example/cb/..%2fevil', 'percent-encoding'],
    ['https://app.example/cb/%252e%252e/evil', 'percent-encoding'],
    ['https://app.example/cb/%25252F', 'percent-encoding'],
    ['https://app.example/cb%00', 'percent-encoding'],
    ['https://app.example@evil.test/cb', 'user name'],
    ['https://user:pw@app.example/cb', 'user name'],
    ['https://evil.test\\@app.example/cb', 'must be written'],
    ['HTTPS://APP.EXAMPLE/CB', 'must be written "https://app.example/CB"'],
    ['https://app.example:443/cb', 'must be written'],
    ['https://exämple.test/cb', 'must be written'],
    ['https://app.example/cb#', 'fragment'],
    ['https://app.example/cb#x', 'fragment'],
    [' https://app.example/cb', 'must be written'],
    ['https://app.example/c\tb', 'must be written'],
    ['https:app.example/cb', 'must be written'],
  ])('%j is refused', (uri, why) => {
    expect(redirectUriFault(uri, 'web')).toContain(why)
  })
})

describe('RU4 no scheme that a browser runs, and nothing that is not absolute', () => {
  const wrong = [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://a.test/x',
    'about:blank',
  ]
  test.each([
    ...wrong,
    '\thttps://evil.test',
    '//evil.test',
    '/\\evil',
    '/cb',
    'cb',
    '',
    'ftp://a.test/x',
    'ws://a.test',
    'urn:x:y',
  ])('%j', (uri) => {
    expect(redirectUriFault(uri, 'web')).toBeDefined()
    expect(redirectUriFault(uri, 'native')).toBeDefined()
  })
})

test.each([
  'http://app.example/cb',
  'http://localhost.evil.test/cb',
  'http://127.0.0.1.evil.test/cb',
  'http://0.0.0.0/cb',
  'http://10.0.0.1/cb',
])('RU5 RU6 http is for this machine only: %s', (uri) => {
  expect(redirectUriFault(uri, 'web')).toContain('this machine only')
  expect(redirectUriFault(uri, 'native')).toContain('this machine only')
})

test('RU6 a native client uses http on this machine, since https there has no owner', () => {
  expect(redirectUriFault('https://localhost/cb', 'native')).toContain('native')
  expect(redirectUriFault('https://localhost/cb', 'web')).toBeUndefined()
})

test('RU7 a scheme of its own is for native clients, and has a dot', () => {
  expect(redirectUriFault('com.example.app:/cb', 'web')).toContain('native')
  for (const uri of ['example:/cb', 'example://cb', 'myapp:cb'])
    expect(redirectUriFault(uri, 'native')).toContain('is not for redirects')
})

test.each([
  'https://*.example/cb',
  'https://app.example/*',
  'https://app.example/cb?x=*',
  'https://%2a.example/cb',
  'https://app.example/%2A',
  'com.example.*:/cb',
  '*',
])('RU8 no wildcard: %s', (uri) => {
  expect(redirectUriFault(uri, 'web')).toContain('wildcards')
  expect(redirectUriFault(uri, 'native')).toContain('wildcards')
})

test('an address of 2,000 characters is the longest, and one of a million costs nothing', () => {
  expect(redirectUriFault(`https://app.example/${'a'.repeat(1980)}`, 'web')).toBeUndefined()
  expect(redirectUriFault(`https://app.example/${'%25'.repeat(400_000)}`, 'web')).toContain('longer')
})

test('what the server calls is https, or on this machine', () => {
  expect(calledUriFault('https://app.example/logout')).toBeUndefined()
  expect(calledUriFault('http://localhost:4001/logout')).toBeUndefined()
  for (const uri of [
    'http://app.example/logout',
    'https://u@app.example/',
    'https://app.example/#x',
    'https://*.example/',
    'gopher://a.test',
    'x',
  ]) {
    expect(calledUriFault(uri)).toBeDefined()
  }
})

test('DR3 what people are shown is http or https', () => {
  expect(shownUriFault('https://app.example/about us'.replace(' ', '-'))).toBeUndefined()
  expect(shownUriFault('http://app.example')).toBeUndefined()
  for (const uri of [
    'javascript:alert(1)',
    'data:text/html,x',
    '/about',
    'https://u:p@app.example',
    'https://a.test/\n',
    `https://a.test/${'a'.repeat(2000)}`,
  ]) {
    expect(shownUriFault(uri)).toBeDefined()
  }
})
