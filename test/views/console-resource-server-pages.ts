// The console's pages of resource servers, made with one text in the place of everything that others write.
import {
  newResourceServer,
  resourceServerChange,
  resourceServerDeletion,
  scopeForm,
  scopeRemoval,
} from '../../views/admin-console/resource-server-forms.ts'
import { resourceServerDetail, resourceServerList } from '../../views/admin-console/resource-servers.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function resourceServerPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const server = {
    ...{ id: text, identifier: text, name: text, scopes: [text, `${text}2`, 'c', 'd', 'e', 'f', 'g'], isDefault: true },
    ...{
      scopeDescriptions: { [text]: text, c: text },
      accessTokenFormat: 'jwt',
      accessTokenTtl: 900,
      clientIds: [text, `${text}2`],
    },
    ...{ createdAt: WHEN, updatedAt: WHEN },
  }
  const { name: _name, scopeDescriptions: _texts, ...named } = server
  const bare = {
    ...{ ...named, id: `${text} 2`, scopes: [text], accessTokenFormat: 'opaque', isDefault: false, clientIds: [] },
    managedBy: 'provision',
  }
  const list = { servers: [server, bare], asked: { q: text }, mayWrite: true }
  const chips = [{ label: text, value: text, withoutHref: '/admin/resource-servers' }]
  const asking = { clientIds: [text, `${text}2`], more: true }
  const none = { clientIds: [], more: false }
  const entered = { identifier: text, name: text, scopes: text, format: 'jwt', ttl: text, isDefault: true, clients: text }
  const empty = { identifier: '', name: '', scopes: '', format: '', ttl: '', isDefault: false, clients: '' }
  const fields = ['identifier', 'name', 'scopes', 'format', 'ttl', 'clients']
  const faults = [{ text }, ...fields.map((field) => ({ text, at: { field, text } }))]
  const form = { server, version: text, reason: text, csrf: text }
  const asked = { server, action: '/admin/resource-servers/one/deletion', reason: text, csrf: text }
  return [
    ['APIs', resourceServerList({ ...list, chips, firstHref: '/', nextHref: '/' })],
    ['APIs, none', resourceServerList({ servers: [], asked: {}, chips: [], mayWrite: false })],
    ['APIs, none that fit', resourceServerList({ ...list, servers: [], chips, fault: text })],
    ['API', resourceServerDetail({ server, asking, mayWrite: true })],
    ['API of a provision file', resourceServerDetail({ server: bare, asking: none, mayWrite: true })],
    ['API, for those who look', resourceServerDetail({ server, asking: none, mayWrite: false })],
    ['new API', newResourceServer({ entered: { ...empty, format: 'jwt' }, csrf: text, faults: [] })],
    ['new API, refused', newResourceServer({ entered, csrf: text, faults })],
    ['change of an API', resourceServerChange({ ...form, entered, reasonMissing: true, faults })],
    ['new scope', scopeForm({ ...form, entered: { scope: '', text: '' }, reason: '', faults: [] })],
    ['scope', scopeForm({ ...form, scope: text, entered: { scope: text, text }, faults: [text] })],
    ['removal of a scope', scopeRemoval({ ...asked, scope: text, preview: asking })],
    ['deletion of an API', resourceServerDeletion({ ...asked, preview: none, fault: text })],
  ]
}
