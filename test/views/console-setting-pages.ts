// The console's page of settings, made with one text in the place of everything that others write.
import { settingList } from '../../views/admin-console/settings.ts'
import type { Html } from '../../views/html.ts'

/** The pages by name. */
export function settingPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const row = {
    variable: text,
    meaning: 'What `code` does.',
    wanted: '`a` or `b`',
    secret: false,
    source: 'default',
    isSet: false,
  }
  const settings = [
    { ...row, value: text },
    { ...row, source: 'environment', isSet: true, value: '900', seconds: 900, usual: '30' },
    { ...row, source: 'provision file', isSet: true, value: '', usual: '' },
    { ...row, source: 'secret file', isSet: true, secret: true },
    { ...row, source: 'not set', secret: true, otherwise: 'made once and kept in `DATA_DIR`' },
    { ...row, source: 'not set' },
  ]
  const views = [{ label: text, href: '/admin/settings', current: true }]
  const groups = [
    { title: 'Revocation', documentedUnder: ['Content and behaviour', 'Lifetimes'], settings },
    { title: 'Server', documentedUnder: ['Server'], settings: [{ ...row, value: '5', seconds: 5 }] },
  ]
  return [
    ['settings', settingList({ groups, views, environment: 'production' })],
    ['settings, none set', settingList({ groups: [], views, environment: 'development' })],
  ]
}
