// Settings in the console: what is in force, where each value came from, and what it changes. They are read at start and changed where
// they came from, so that nothing here can change them.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import type { Config, SettingInForce } from '../../config/config.ts'
import { defaultIn, type Setting } from '../../config/setting.ts'
import { revocationSettings, settingGroups } from '../../config/settings.ts'
import { type SettingGroupView, type SettingRow, settingList } from '../../views/admin-console/settings.ts'
import { HttpProblem } from '../http/problems.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { readFields, type View, viewsOf } from './list-query.ts'

const PATH = '/admin/settings'

/** What people often want to see. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Set here', { set: 'yes' }],
]

/** Makes the page. */
export function settingPages(config: Pick<Config, 'inForce' | 'environment'>): ConsoleRoute[] {
  return [
    { method: 'get', path: '/settings', access: ACCESS.settings.read, handle: async (ctx, visit) => show(config, ctx, visit) },
  ]
}

function show(config: Pick<Config, 'inForce' | 'environment'>, ctx: Context, visit: ConsoleVisit): void {
  const { asked, twice } = readFields(ctx.query, ['set'])
  if (twice !== undefined) throw new HttpProblem(400, 'Not what was expected', twice.fault)
  const inForce = new Map(config.inForce.map((one) => [one.variable, one]))
  const groups = GROUPS.map(({ title, documentedUnder, settings }) => {
    const rows = settings.map((row) => rowOf(row, inForce.get(row.variable), config.environment))
    return { title, documentedUnder, settings: asked.set === undefined ? rows : rows.filter(({ isSet }) => isSet) }
  })
  const body = settingList({
    groups: groups.filter(({ settings }) => settings.length > 0),
    views: viewsOf(PATH, asked, VIEWS),
    environment: config.environment,
  })
  visit.show({ title: 'Settings', section: PATH, body })
}

/** What revocation does comes first; the rest stands as in the documentation. */
const GROUPS: readonly (Omit<SettingGroupView, 'settings'> & { readonly settings: readonly Setting<unknown>[] })[] = [
  { title: 'Revocation', documentedUnder: ['Content and behaviour', 'Lifetimes'], settings: revocationSettings },
  ...settingGroups.map(({ title, settings }) => ({
    title,
    documentedUnder: [title],
    settings: settings.filter((row) => !revocationSettings.includes(row)),
  })),
]

function rowOf(row: Setting<unknown>, found: SettingInForce | undefined, environment: Config['environment']): SettingRow {
  const source = found?.source ?? 'not set'
  const isSet = source !== 'default' && source !== 'not set'
  const usual = defaultIn(environment, row)
  // A secret is not even taken along: what the page does not have, it cannot show.
  const value = row.secret || found === undefined || source === 'not set' ? undefined : found.value
  const seconds = row.unit === 'seconds' && value !== undefined ? row.schema.safeParse(value).data : undefined
  return {
    variable: row.variable,
    meaning: row.meaning,
    wanted: row.wanted,
    secret: row.secret,
    source,
    isSet,
    ...(value === undefined ? {} : { value }),
    ...(typeof seconds === 'number' ? { seconds } : {}),
    ...(usual === undefined || !isSet ? {} : { usual }),
    ...(row.otherwise === undefined ? {} : { otherwise: row.otherwise }),
  }
}
