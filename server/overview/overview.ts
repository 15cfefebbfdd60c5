// What the first page of the console tells: how much happens, what is live, how old what should be replaced is, and what is to be done.
// Whoever asks is told what they may look at on the pages behind it, and no more.
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import type { SecretAges } from '../clients/secret-ages.ts'
import type { KeyItem } from '../keys/key-turns.ts'
import type { Duty, DutyStanding } from './duties.ts'
import type { EventCounts } from './event-counts.ts'
import type { Figure, OverviewFigures } from './figures.ts'

/** A duty with how it stands. */
export interface DutyNow extends DutyStanding {
  readonly name: string
  readonly question: string
}

/** What there is. A part that the one who asks may not see is not there. */
export interface Overview {
  readonly now: Date
  /** Sign-ins, those that failed, and tokens and codes that came twice. */
  readonly events?: EventCounts
  /** Undefined within: not counted yet. */
  readonly sessions?: { readonly live?: Figure }
  readonly grants?: { readonly live?: Figure }
  readonly accounts?: { readonly locked?: Figure }
  /** Those that sign or will, the latest first. */
  readonly keys?: readonly KeyItem[]
  readonly secrets?: SecretAges
  /** What is overdue first, then what is due. */
  readonly duties: readonly DutyNow[]
}

/** What it is made of. */
export interface OverviewDeps {
  readonly figures: Pick<OverviewFigures, 'events' | 'kept'>
  readonly keys: () => Promise<readonly KeyItem[]>
  readonly secrets: () => Promise<SecretAges>
  readonly duties: readonly Duty[]
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** Looks at everything that `may` lets the one who asks see. */
export type LookOver = (may: (rule: AccessRule) => boolean) => Promise<Overview>

/** Makes it. */
export function createOverview(deps: OverviewDeps): LookOver {
  return async (may) => {
    const when = <Result>(rule: AccessRule, read: () => Promise<Result>) => (may(rule) ? read() : undefined)
    const [events, kept, keys, secrets, duties] = await Promise.all([
      when(ACCESS.accounts.failedSignIns, deps.figures.events),
      deps.figures.kept(),
      when(ACCESS.keys.read, deps.keys),
      when(ACCESS.clients.read, deps.secrets),
      Promise.all(deps.duties.filter(({ access }) => may(access)).map(dutyNow)),
    ])
    return {
      now: new Date(deps.clock()),
      ...(events === undefined ? {} : { events }),
      ...(may(ACCESS.sessions.read) ? { sessions: kept.sessions === undefined ? {} : { live: kept.sessions } } : {}),
      ...(may(ACCESS.grants.read) ? { grants: kept.grants === undefined ? {} : { live: kept.grants } } : {}),
      ...(may(ACCESS.accounts.read)
        ? { accounts: kept.lockedAccounts === undefined ? {} : { locked: kept.lockedAccounts } }
        : {}),
      ...(keys === undefined ? {} : { keys: keys.filter(({ status }) => status === 'signing' || status === 'announced') }),
      ...(secrets === undefined ? {} : { secrets }),
      duties: ORDER.flatMap((state) => duties.filter((duty) => duty.state === state)),
    }
  }
}

const ORDER = ['overdue', 'due', 'done'] as const

async function dutyNow({ name, question, look }: Duty): Promise<DutyNow> {
  return { name, question, ...(await look()) }
}
