// LG5: who is counted as whom. Only proxies that were named may say who the client is.
import { describe, expect, test } from '@jest/globals'
import { addressKey, createClientAddress } from '../../server/http/client-address.ts'
import { requestInfo } from '../../server/http/request-context.ts'
import { Browser } from '../support/browser.ts'
import { startSmallApp } from './small-app.ts'

function clientOf(remoteAddress: string, forwarded: string | undefined, trusted: readonly string[]): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  const socket = { remoteAddress } as Parameters<ReturnType<typeof createClientAddress>>[0]['socket']
  return createClientAddress(trusted)({ headers, socket })
}

describe('LG5: X-Forwarded-For', () => {
  test.each<[what: string, peer: string, forwarded: string | undefined, trusted: string[], client: string]>([
    ['is not read without trusted proxies', '203.0.113.9', '1.2.3.4', [], '203.0.113.9'],
    ['is not read from a peer that is none of them', '203.0.113.9', '1.2.3.4', ['10.0.0.0/8'], '203.0.113.9'],
    ['is read from one that is', '10.1.2.3', '198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['is read from one that is named by its address', '10.1.2.3', '198.51.100.7', ['10.1.2.3'], '198.51.100.7'],
    [
      'does not let the client put another address to the left',
      '10.1.2.3',
      '1.2.3.4, 198.51.100.7',
      ['10.0.0.0/8'],
      '198.51.100.7',
    ],
    ['does not let the client pretend to be a proxy', '10.1.2.3', '10.9.9.9, 198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['is walked through several proxies', '10.1.2.3', '1.2.3.4, 198.51.100.7, 10.0.0.2', ['10.0.0.0/8'], '198.51.100.7'],
    ['stops at what is no address', '10.1.2.3', '198.51.100.7, unknown', ['10.0.0.0/8'], '10.1.2.3'],
    ['stops at markup', '10.1.2.3', '<script>', ['10.0.0.0/8'], '10.1.2.3'],
    ['may be empty', '10.1.2.3', '', ['10.0.0.0/8'], '10.1.2.3'],
    ['may be missing', '10.1.2.3', undefined, ['10.0.0.0/8'], '10.1.2.3'],
    ['is a proxy all the way when all are proxies', '10.1.2.3', '10.0.0.1, 10.0.0.2', ['10.0.0.0/8'], '10.0.0.1'],
    ['may carry a port', '10.1.2.3', '198.51.100.7:61234', ['10.0.0.0/8'], '198.51.100.7'],
    ['may carry IPv6 in brackets, with a port', '::1', '[2001:db8::7]:443', ['::1'], '2001:db8::7'],
    ['comes from an IPv4 proxy in IPv6 clothes', '::ffff:10.1.2.3', '198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['may name an IPv4 client in IPv6 clothes', '10.1.2.3', '::ffff:198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['a range of IPv6 does not hold IPv4', '10.1.2.3', '198.51.100.7', ['::/0'], '10.1.2.3'],
  ])('%s', (_what, peer, forwarded, trusted, client) => {
    expect(clientOf(peer, forwarded, trusted)).toBe(client)
  })

  test.each([
    [[], '127.0.0.1'],
    [['127.0.0.0/8'], '198.51.100.7'],
  ])('over HTTP, with the trusted proxies %j', async (trustProxy, expected) => {
    const app = await startSmallApp(
      () => [
        (ctx) => {
          ctx.body = requestInfo(ctx.req).address
        },
      ],
      { trustProxy },
    )
    const headers = { 'x-forwarded-for': '1.2.3.4, 198.51.100.7', forwarded: 'for=9.9.9.9', 'x-real-ip': '9.9.9.9' }
    expect((await new Browser().fetch(`${app.url}/`, { headers })).body).toBe(expected)
    await app.stop()
  })

  test('a header of a hundred thousand hops costs next to nothing', () => {
    const begun = performance.now()
    expect(clientOf('10.0.0.1', '10.0.0.1,'.repeat(100_000), ['10.0.0.0/8'])).toBe('10.0.0.1')
    expect(performance.now() - begun).toBeLessThan(2000)
  })
})

describe('LG5: what counts as one place', () => {
  test.each<[what: string, one: string, other: string]>([
    ['an IPv4 address in IPv6 clothes', '1.2.3.4', '::ffff:1.2.3.4'],
    ['the same, in hexadecimal', '1.2.3.4', '::FFFF:102:304'],
    ['upper case', '2001:db8::abcd', '2001:DB8::ABCD'],
    ['zeros left out', '2001:db8::1', '2001:0db8:0000:0000:0000:0000:0000:0001'],
    ['one customer with many addresses', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['a zone', 'fe80::1', 'fe80::1%eth0'],
  ])('%s', (_what, one, other) => {
    expect(addressKey(one)).toBe(addressKey(other))
  })

  test.each<[what: string, one: string, other: string]>([
    ['two IPv4 addresses', '1.2.3.4', '1.2.3.5'],
    ['two networks of IPv6', '2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['an IPv4 address and the network of zeros', '0.0.0.0', '::'],
  ])('%s are two places', (_what, one, other) => {
    expect(addressKey(one)).not.toBe(addressKey(other))
  })

  test('what is no address is one place of its own', () => {
    expect(addressKey('')).toBe('unknown')
    expect(addressKey('nonsense')).toBe('unknown')
  })
})
