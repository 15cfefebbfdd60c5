// The console's pages of refused requests, made with one text in the place of everything that strangers and apps write.
import { refusedRequestDetail, refusedRequestList } from '../../views/admin-console/refused-requests.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')

/** The pages by name. */
export function refusedRequestPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const request = {
    ...{
      requestIds: [text],
      times: 1,
      at: WHEN,
      endpoint: text,
      clientId: text,
      known: true,
      isOwn: false,
      address: text,
      userAgent: text,
    },
    ...{ error: text, description: text, cause: text, summary: text, change: text },
    ...{ expected: text, received: text, reasons: [text, text] },
  }
  const { clientId: _client, userAgent: _agent, description: _told, expected: _expected, received: _received, ...bare } = request
  const unknown = { ...request, requestIds: [`${text} 2`, `${text} 3`], times: 40, known: false }
  const list = { asked: { client: text, cause: text, id: text }, chips: [], causes: [text] }
  const chip = { label: text, value: text, withoutHref: '/admin/refused-requests' }
  return [
    [
      'refused requests',
      refusedRequestList({
        ...list,
        chips: [chip],
        requests: [request, unknown, { ...bare, requestIds: [`${text} 4`], reasons: [] }],
        firstHref: '/',
        nextHref: '/',
      }),
    ],
    ['refused requests, none', refusedRequestList({ ...list, asked: {}, requests: [], fault: text })],
    ['refused request', refusedRequestDetail(request)],
    ['refused requests that were alike', refusedRequestDetail(unknown)],
    ['refused request of which little is known', refusedRequestDetail({ ...bare, reasons: [] })],
  ]
}
