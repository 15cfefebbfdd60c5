// What the operator is told while there is no owner.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { announceSetupLink, removeSetupLinkFile } from '../../server/setup/announcement.ts'

const ISSUER = 'https://id.example'
const EXPIRES_AT = new Date('2026-11-24T12:30:00Z')

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-setup-'))
})
afterEach(() => rm(folder, { recursive: true }))

function links(owner = false) {
  let count = 0
  return {
    ownerExists: async () => owner,
    async issue() {
      count += 1
      return { token: `setup_secret${count}`, expiresAt: EXPIRES_AT }
    },
  }
}

test('LG14: without an owner there is a link, also in a file that only this user can read', async () => {
  const dataDir = join(folder, 'not', 'there', 'yet')
  const file = join(dataDir, 'setup-link.txt')
  const announced = await announceSetupLink({ links: links(), dataDir, issuer: ISSUER })
  expect(announced).toEqual({ url: `${ISSUER}/setup?token=setup_secret1`, expiresAt: EXPIRES_AT, file })
  expect(await readFile(file, 'utf8')).toBe(`${ISSUER}/setup?token=setup_secret1\n`)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('LG14: a file that was there before is replaced, with its mode', async () => {
  const file = join(folder, 'setup-link.txt')
  await writeFile(file, 'old', { mode: 0o666 })
  const both = links()
  await announceSetupLink({ links: both, dataDir: folder, issuer: ISSUER })
  await announceSetupLink({ links: both, dataDir: folder, issuer: ISSUER })
  expect(await readFile(file, 'utf8')).toContain('setup_secret2')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['setup-link.txt'])
})

test('LG14: with an owner there is neither a link nor a file', async () => {
  await writeFile(join(folder, 'setup-link.txt'), 'left over')
  expect(await announceSetupLink({ links: links(true), dataDir: folder, issuer: ISSUER })).toBeUndefined()
  expect(await readdir(folder)).toEqual([])
  await removeSetupLinkFile(folder)
})

test('a data directory that cannot be used is no obstacle', async () => {
  await writeFile(join(folder, 'a-file'), '')
  const announced = await announceSetupLink({ links: links(), dataDir: join(folder, 'a-file', 'below'), issuer: ISSUER })
  expect(announced).toMatchObject({ url: `${ISSUER}/setup?token=setup_secret1`, file: undefined })
  await removeSetupLinkFile(join(folder, 'a-file', 'below'))
})
