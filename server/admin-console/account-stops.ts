// What stops an account in the console, and what undoes it: containment, suspension, deletion, reinstatement. Each asks first, shows
// what would end, and wants a reason.
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import { type AccountStop, accountStop } from '../../views/admin-console/account-forms.ts'
import type { AccountEvents } from '../accounts/account-events.ts'
import type { AccountPreview } from '../accounts/account-preview.ts'
import type { AccountDetails, AccountSearch } from '../accounts/account-search.ts'
import { endedWords, faultOf, findAccount, insistOnReach } from './account-page.ts'
import { asking } from './asking.ts'
import type { ConsoleRoute } from './console.ts'

/** What the pages call. */
export interface AccountStopPagesDeps {
  readonly search: Pick<AccountSearch, 'find'>
  readonly events: Pick<AccountEvents, 'suspend' | 'reinstate' | 'contain' | 'delete'>
  /** What would end; undefined when there is no such account. */
  readonly preview: (accountId: string) => Promise<AccountPreview | undefined>
}

interface Stop {
  readonly name: AccountStop
  readonly access: AccessRule
  readonly event: keyof AccountStopPagesDeps['events']
  /** What is said when it is done. */
  readonly done: string
}

const STOPS: readonly Stop[] = [
  { name: 'containment', access: ACCESS.accounts.stop, event: 'contain', done: 'The account is contained.' },
  { name: 'suspension', access: ACCESS.accounts.stop, event: 'suspend', done: 'The account is suspended.' },
  { name: 'deletion', access: ACCESS.accounts.delete, event: 'delete', done: 'The account is deleted.' },
  { name: 'reinstatement', access: ACCESS.accounts.stop, event: 'reinstate', done: 'The person can sign in again.' },
]

/** Makes the pages. */
export function accountStopPages({ search, events, preview }: AccountStopPagesDeps): ConsoleRoute[] {
  return STOPS.flatMap(({ name, access, event, done }) =>
    asking<AccountDetails>({
      ...{ section: '/accounts', what: name, title: 'Stop an account', access },
      ...{ find: (id) => findAccount(search, id), insist: insistOnReach, refusalOf: faultOf, removes: event === 'delete' },
      async view({ thing: { id, email }, ...view }) {
        const ends = event === 'reinstate' ? undefined : await preview(id)
        return accountStop({ ...view, id, email, stop: name, ...(ends === undefined ? {} : { preview: ends }) })
      },
      async act({ id }, change) {
        const ended = await events[event](id, change)
        return event === 'reinstate' ? done : `${done} ${endedWords(ended)}`
      },
    }),
  )
}
