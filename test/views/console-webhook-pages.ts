// The console's pages of webhooks, made with one text in the place of everything that others write.
import {
  newWebhook,
  newWebhookSecret,
  webhookChange,
  webhookDeletion,
  webhookDisablement,
  webhookEnablement,
  webhookSecretShown,
} from '../../views/admin-console/webhook-forms.ts'
import { webhookDelivery, webhookDetail, webhookList } from '../../views/admin-console/webhooks.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')
const LATER = new Date('2026-05-03T10:00:00Z')

/** The pages by name. */
export function webhookPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const row = {
    ...{ id: text, url: text, origin: text, description: text, events: [text, 'session.*'], enabled: true },
    ...{ createdAt: WHEN, updatedAt: WHEN },
  }
  const { url: _url, ...closed } = row
  const rows = [
    { ...row, last: { event: text, state: 'delivered', at: WHEN } },
    { ...row, id: `${text} 2`, last: { event: text, state: 'retrying', at: WHEN } },
    { ...closed, id: `${text} 3`, description: '', enabled: false, events: [text, 'a.*', 'b.*', 'c.*', 'd.*', 'e.*'] },
  ]
  const delivery = {
    ...{ id: text, event: text, eventId: '7', state: 'retrying', attempts: 2, createdAt: WHEN, lastAttemptAt: WHEN },
    ...{ lastStatus: 500, lastError: text, nextAttemptAt: LATER, finishedAt: undefined },
  }
  const none = { lastAttemptAt: undefined, lastStatus: undefined, lastError: undefined, nextAttemptAt: undefined }
  const deliveries = [
    { ...delivery, ...none, id: `${text} 2`, state: 'waiting', attempts: 0 },
    delivery,
    { ...delivery, ...none, id: `${text} 3`, state: 'delivered', attempts: 1, lastStatus: 204, finishedAt: WHEN },
  ]
  const secrets = [
    { id: `${text} 2`, createdAt: WHEN, expiresAt: WHEN },
    { id: `${text} 3`, createdAt: WHEN, expiresAt: LATER },
    { id: text, createdAt: WHEN, expiresAt: null },
  ]
  const view = {
    ...{ webhook: { ...row, secrets }, deliveries, views: [{ label: text, href: '/admin/webhooks', current: true }], csrf: text },
    ...{ now: new Date('2026-03-03T10:00:00Z'), last: { event: text, state: 'failed', at: WHEN } },
  }
  const { csrf: _csrf, ...looking } = view
  const groups = [
    { prefix: 'session', names: ['session.revoked', text] },
    { prefix: 'sign_in', names: [text] },
  ]
  const entered = { url: text, description: text, events: ['session.*', text] }
  const asked = { webhook: row, action: '/admin/webhooks/one/deletion', reason: text, csrf: text }
  return [
    ['webhooks', webhookList({ webhooks: rows, mayWrite: true })],
    ['webhooks, none', webhookList({ webhooks: [], mayWrite: true })],
    ['webhooks, none for those who look', webhookList({ webhooks: [], mayWrite: false })],
    ['webhook', webhookDetail({ ...view, firstHref: '/', nextHref: '/' })],
    ['webhook that is disabled', webhookDetail({ ...view, webhook: { ...row, enabled: false, secrets }, deliveries: [] })],
    ['webhook, for those who look', webhookDetail({ ...looking, webhook: { ...closed, secrets } })],
    ['webhook, a delivery', webhookDelivery({ webhook: row, delivery, soon: false, csrf: text })],
    [
      'webhook, a delivery for those who look',
      webhookDelivery({ webhook: row, delivery: { ...delivery, ...none }, soon: false }),
    ],
    [
      'webhook, a delivery whose turn comes',
      webhookDelivery({
        ...{ webhook: row, delivery: { ...delivery, ...none, state: 'waiting', attempts: 0 }, soon: true, csrf: text },
      }),
    ],
    ['new webhook', newWebhook({ id: text, entered: { url: '', description: '', events: [] }, groups, csrf: text })],
    ['new webhook, refused', newWebhook({ id: text, entered: { ...entered, events: ['*'] }, groups, csrf: text, fault: text })],
    [
      'change of a webhook',
      webhookChange({ webhook: row, entered, groups, version: text, reason: text, csrf: text, fault: text }),
    ],
    ['secret of a webhook', webhookSecretShown({ webhook: row, secret: text, before: text })],
    [
      'new secret of a webhook',
      newWebhookSecret({ webhook: row, overlap: '0', reason: text, version: text, csrf: text, fault: text }),
    ],
    ['disablement of a webhook', webhookDisablement(asked)],
    ['enablement of a webhook', webhookEnablement({ ...asked, fault: text })],
    ['deletion of a webhook', webhookDeletion(asked)],
  ]
}
