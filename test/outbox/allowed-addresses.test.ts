// Which addresses the server connects to at the word of a registration: none of a private network that no setting names, in
// whatever form it is written, and whatever name leads there.
import type { LookupAddress } from 'node:dns'
import { describe, expect, test } from '@jest/globals'
import { AddressRefused, createAllowedAddresses } from '../../server/outbox/allowed-addresses.ts'
import { createPost } from '../../server/outbox/endpoint.ts'
import type { LookUpName } from '../../server/outbox/name-lookup.ts'
import { startLogoutApp } from '../support/logout-app.ts'

const PRIVATE = [
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[::127.0.0.1]',
  '[64:ff9b::169.254.169.254]',
  '[64:ff9b:1::a00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[2001:db8::1]',
  '[fe80::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[ff02::1]',
  '[100::1]',
  '[5f00::1]',
]
const PUBLIC = ['8.8.8.8', '93.184.216.34', '[2606:4700::1111]', '[::ffff:8.8.8.8]', 'app.example', 'localhost']
const UNUSUAL = ['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://①②⑦.⓪.⓪.①/']

/** The app takes it for a logout token. */
const MESSAGE = { body: `logout_token=${btoa('{}')}.${btoa('{}')}.`, headers: {} }

/** A system's look-up that always finds the same. */
function finding(...addresses: string[]): LookUpName {
  const found = addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
  return (_name, callback) => callback(null, found)
}

function allowed(ranges: readonly string[], resolve?: LookUpName) {
  return createAllowedAddresses({ ranges, setting: 'A_SETTING', ...(resolve === undefined ? {} : { resolve }) })
}

function lookUp(ranges: readonly string[], ...addresses: string[]): Promise<unknown> {
  const { lookup } = allowed(ranges, finding(...addresses))
  return new Promise((resolve, reject) => {
    lookup('app.example', { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
  })
}

describe('without a setting', () => {
  test.each(PRIVATE)('%s is refused', async (host) => {
    const { checkHost } = allowed([])
    expect(() => checkHost(host)).toThrow(AddressRefused)
    await expect(lookUp([], host.replace(/^\[|\]$/g, ''))).rejects.toThrow(AddressRefused)
  })

  test.each(PUBLIC)('%s is not', (host) => {
    expect(() => allowed([]).checkHost(host)).not.toThrow()
  })

  test.each(UNUSUAL)('%s is this machine, however it is written', (url) => {
    expect(() => allowed([]).checkHost(new URL(url).hostname)).toThrow(AddressRefused)
  })
})

test('ranges that are named are allowed, and nothing beside them', () => {
  const { checkHost } = allowed(['10.20.0.0/16', '127.0.0.0/8', '::1/128', '192.168.1.7'])
  for (const host of ['10.20.3.4', '127.0.0.1', '[::1]', '[::ffff:10.20.3.4]', '192.168.1.7'])
    expect(() => checkHost(host)).not.toThrow()
  for (const host of ['10.21.0.1', '192.168.1.8', '169.254.169.254', '[::2]', '[fd00::1]'])
    expect(() => checkHost(host)).toThrow(AddressRefused)
})

test('of what a name leads to, only allowed addresses are connected to', async () => {
  expect(await lookUp([], '10.0.0.1', '8.8.8.8', '::1')).toEqual([{ address: '8.8.8.8', family: 4 }])
  await expect(lookUp([], '10.0.0.1', 'fd00::1')).rejects.toThrow(
    'its address 10.0.0.1 is private, and A_SETTING does not name it',
  )
  await expect(lookUp([])).rejects.toThrow(AddressRefused)
})

test('a name that leads elsewhere at every question is connected to where it was looked up, once', async () => {
  const app = await startLogoutApp()
  let asked = 0
  const resolve: LookUpName = (_name, callback) => {
    asked += 1
    callback(null, [{ address: asked === 1 ? '192.168.7.7' : '127.0.0.1', family: 4 }])
  }
  const post = createPost({ addresses: allowed([], resolve) })
  const uri = app.uri.replace('127.0.0.1', 'rebinding.example')
  const { signal } = new AbortController()
  // The first answer is private, and so is the second.
  expect(await post(uri, MESSAGE, signal)).toMatchObject({
    status: undefined,
    error: expect.stringContaining('192.168.7.7 is private'),
  })
  expect(await post(uri, MESSAGE, signal)).toMatchObject({
    status: undefined,
    error: expect.stringContaining('127.0.0.1 is private'),
  })
  expect(app.received).toEqual([])
  expect(asked).toBe(2)
  const open = createPost({ addresses: allowed(['127.0.0.0/8'], resolve) })
  expect(await open(uri, MESSAGE, signal)).toEqual({ status: 200 })
  expect(asked).toBe(3)
  await app.stop()
})
