// Which stored hashes are read, and which are refused before anything is computed.
import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import * as argon2 from 'argon2'
import bcrypt from 'bcryptjs'
import { makePasswordHash, parsePasswordHash, verifyPasswordHash } from '../../server/accounts/password-hashes.ts'

const PASSWORD = 'pässword with spaces '
const SALT = Buffer.from('0123456789abcdef')

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

async function verifies(text: string, password: string): Promise<boolean> {
  const hash = parsePasswordHash(text)
  if (hash === undefined) throw new Error(`not read: ${text}`)
  return verifyPasswordHash(hash, password)
}

const scrypted = scryptSync(PASSWORD, SALT, 32, { cost: 1024, blockSize: 8, parallelization: 1 })
const derived = pbkdf2Sync(PASSWORD, SALT, 1000, 32, 'sha256')

const forms: [string, () => Promise<string>][] = [
  ['argon2id', () => argon2.hash(PASSWORD, { memoryCost: 1024, timeCost: 2, parallelism: 2 })],
  ['argon2id as it is made here', () => makePasswordHash(PASSWORD, { memoryKiB: 1024, passes: 2, parallelism: 1 })],
  ['bcrypt', () => bcrypt.hash(PASSWORD, 4)],
  ['scrypt', async () => `$scrypt$ln=10,r=8,p=1$${base64(SALT)}$${base64(scrypted)}`],
  ['pbkdf2 (PHC)', async () => `$pbkdf2-sha256$i=1000,l=32$${base64(SALT)}$${base64(derived)}`],
  ['pbkdf2 (passlib)', async () => `$pbkdf2-sha256$1000$${base64(SALT)}$${base64(derived).replaceAll('+', '.')}`],
  ['pbkdf2 (Django)', async () => `pbkdf2_sha256$1000$${SALT.toString()}$${derived.toString('base64')}`],
  [
    'pbkdf2 with SHA-512',
    async () => `$pbkdf2-sha512$i=1000$${base64(SALT)}$${base64(pbkdf2Sync(PASSWORD, SALT, 1000, 64, 'sha512'))}`,
  ],
]

test.each(forms)('reads and verifies %s', async (_form, make) => {
  const text = await make()
  expect(await verifies(text, PASSWORD)).toBe(true)
  expect(await verifies(text, PASSWORD.trim())).toBe(false)
  expect(await verifies(text, '')).toBe(false)
})

test.each([
  ['libxcrypt', 'from libxcrypt', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.xk6CagT4TmGB1cMjORXJDZm05Cmpw3u'],
  ['crypt_blowfish', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['Python, pbkdf2', 'from hashlib', '$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0$OyyVzUcR8Hgv2m88zdAIA0vV0GtQPx/M3j8ZLaBIlss'],
  ['Python, scrypt', 'from hashlib', '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0$SW/oRLQyEuB8XOLJW2Sm+h4xE6RuXNShzXyIgeo91aY='],
])('reads a hash made by %s', async (_program, password, text) => {
  expect(await verifies(text, password)).toBe(true)
  expect(await verifies(text, `${password}.`)).toBe(false)
})

describe('LG13: hashes that ask for too much are refused without being computed', () => {
  const salt = base64(SALT)
  const digest = base64(Buffer.alloc(32, 7))
  const absurd = [
    ['4 GiB of memory', `$argon2id$v=19$m=4194304,t=2,p=1$${salt}$${digest}`],
    ['a thousand passes', `$argon2id$v=19$m=19456,t=1000,p=1$${salt}$${digest}`],
    ['a hundred lanes', `$argon2id$v=19$m=19456,t=2,p=100$${salt}$${digest}`],
    ['no memory', `$argon2id$v=19$m=0,t=2,p=1$${salt}$${digest}`],
    ['a parameter twice', `$argon2id$v=19$m=19456,t=2,t=2$${salt}$${digest}`],
    ['argon2d', `$argon2d$v=19$m=19456,t=2,p=1$${salt}$${digest}`],
    ['bcrypt of cost 31', `$2b$31$${'a'.repeat(53)}`],
    ['the faulty bcrypt', `$2x$10$${'a'.repeat(53)}`],
    ['scrypt over 4 GiB', `$scrypt$ln=22,r=8,p=1$${salt}$${digest}`],
    ['a thousand million iterations', `$pbkdf2-sha256$i=999999999$${salt}$${digest}`],
    ['a digest of 8 bytes', `$pbkdf2-sha256$i=1000$${salt}$${base64(Buffer.alloc(8))}`],
    ['nothing', ''],
    ['plain text', 'hunter2'],
    ['a very long text', `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(100_000)}`],
  ]

  test.each(absurd)('%s', (_what, text) => {
    expect(parsePasswordHash(text ?? '')).toBeUndefined()
  })
})
