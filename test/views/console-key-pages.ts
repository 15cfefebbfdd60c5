// The console's pages of signing keys, made with one text in the place of everything that others write.
import { keyCompromise, keyDetail, keyList, keyRetirement, keyRotation } from '../../views/admin-console/keys.ts'
import { secretList } from '../../views/admin-console/secrets.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')
const LATER = new Date('2026-05-03T10:00:00Z')

/** The pages by name. */
export function keyPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const signing = { kid: text, alg: text, status: 'signing', createdAt: WHEN, signingSince: WHEN }
  const overdue = { ...signing, due: { what: 'rotate' as const, at: WHEN } }
  const keys = [
    { ...signing, kid: `${text} 2`, status: 'announced', signsFrom: LATER, due: { what: 'signs' as const, at: LATER } },
    overdue,
    { ...signing, kid: `${text} 3`, due: { what: 'rotate' as const, at: LATER } },
    {
      ...signing,
      kid: `${text} 4`,
      status: 'retired',
      retiredAt: WHEN,
      publishedUntil: LATER,
      due: { what: 'removed' as const, at: LATER },
    },
    { ...signing, kid: `${text} 5`, status: 'compromised' },
  ]
  const asked = { action: '/admin/keys/one/retirement', reason: text, csrf: text }
  const rotation = { version: text, algorithms: [text], csrf: text }
  return [
    ['keys', keyList({ keys, mayWrite: true, now: LATER, firstHref: '/', nextHref: '/' })],
    ['keys for those who look', keyList({ keys, mayWrite: false, now: WHEN })],
    ['keys, none', keyList({ keys: [], mayWrite: true, now: WHEN })],
    ['key', keyDetail({ key: overdue, mayWrite: true, now: LATER })],
    [
      'key that is announced',
      keyDetail({ key: { ...signing, status: 'announced', signsFrom: LATER }, mayWrite: true, now: WHEN }),
    ],
    [
      'key that was compromised',
      keyDetail({
        key: { ...signing, status: 'compromised', retiredAt: WHEN, publishedUntil: LATER },
        mayWrite: true,
        now: WHEN,
      }),
    ],
    ['new keys', keyRotation({ ...rotation, fault: text, asked: { alg: text, now: true, reason: text } })],
    ['new keys, nothing filled in', keyRotation({ ...rotation, asked: { alg: '', now: false, reason: '' } })],
    ['end of a key’s turn', keyRetirement({ key: signing, ...asked })],
    ['withdrawal of a key', keyRetirement({ key: { ...signing, status: 'announced' }, ...asked })],
    ...secretPages(text),
    ['compromise of a key', keyCompromise({ key: signing, ...asked, fault: text })],
  ]
}

function secretPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const secret = { of: 'client' as const, ownerId: text, createdAt: WHEN, dueAt: LATER }
  const views = [{ label: text, href: '/', current: true }]
  const page = { views, due: false, dueDays: 90, now: WHEN }
  const secrets = [
    { ...secret, ownerName: text },
    { ...secret, dueAt: WHEN, expiresAt: LATER },
    { of: 'webhook' as const, ownerId: text, createdAt: WHEN, expiresAt: LATER },
  ]
  return [
    ['secrets', secretList({ ...page, secrets, firstHref: '/', nextHref: '/' })],
    ['secrets, none', secretList({ ...page, secrets: [], fault: text })],
    ['secrets, none due', secretList({ ...page, due: true, secrets: [] })],
  ]
}
