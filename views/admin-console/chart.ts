// A chart of what succeeded and what failed over time: bars above a line and bars below it, so that the two differ by more than their
// colour. It is drawn here, without a script or a style of its own; the numbers stand in a table behind it.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type Column, table } from './lists.ts'

/** What there was in a piece of time. */
export interface Bar {
  readonly at: Date
  /** What goes up. */
  readonly above: number
  /** What goes down. */
  readonly below: number
}

/** What a chart shows. */
export interface ChartView {
  /** For the ids of its parts. */
  readonly id: string
  /** "The last 24 hours, by the hour". */
  readonly title: string
  /** What the two are called: "Signed in", "Failed". */
  readonly names: { readonly above: string; readonly below: string }
  /** The earliest first. */
  readonly bars: readonly Bar[]
  /** What stands under the first and the last. */
  readonly ends: readonly [first: string, last: string]
}

/** Of the drawing; the page gives it its size. */
const HEIGHT = 100
const STEP = 10
const GAP = 1.5

/** What is there at all can be seen. */
const LEAST = 2

/** Makes it. */
export function chart({ id, title, names, bars, ends }: ChartView): Html {
  const sum = (of: (bar: Bar) => number) => bars.reduce((total, bar) => total + of(bar), 0)
  const above = sum((bar) => bar.above)
  const below = sum((bar) => bar.below)
  return html`<figure class="chart" aria-labelledby="${id}-title">
<figcaption><h3 id="${id}-title">${title}</h3>
<ul class="legend"><li class="above">${names.above} <strong>${number(above)}</strong></li> <li class="below">${names.below} <strong>${number(below)}</strong></li></ul></figcaption>
${drawing(`${title}: ${names.above} ${number(above)}, ${names.below} ${number(below)}. The table has each number.`, bars)}
<p class="ends" aria-hidden="true"><span>${ends[0]}</span><span>${ends[1]}</span></p>
<details><summary>Numbers<span class="visually-hidden">: ${title}</span></summary>
${table<Bar>(title, columnsOf(names), bars.toReversed())}
</details>
</figure>`
}

function drawing(label: string, bars: readonly Bar[]): Html {
  const most = (of: (bar: Bar) => number) => Math.max(0, ...bars.map(of))
  const [up, down] = [most((bar) => bar.above), most((bar) => bar.below)]
  const all = Math.max(1, up + down)
  // Both are drawn to one scale; where there is nothing below, there is no room below.
  const line = up + down === 0 ? HEIGHT - LEAST : Math.min(HEIGHT - LEAST, Math.max(LEAST, (up / all) * HEIGHT))
  const size = (value: number, room: number) => (value === 0 ? 0 : Math.min(room, Math.max(LEAST, (value / all) * HEIGHT)))
  const drawn = bars.map(({ above, below }, index) => {
    const x = index * STEP + GAP
    const width = STEP - 2 * GAP
    const high = size(above, line)
    const low = size(below, HEIGHT - line)
    return html`${high > 0 && html`<rect class="above" x="${x}" y="${short(line - high)}" width="${width}" height="${short(high)}"/>`}
${low > 0 && html`<rect class="below" x="${x}" y="${short(line)}" width="${width}" height="${short(low)}"/>\n`}`
  })
  const width = bars.length * STEP
  return html`<svg class="bars" role="img" aria-label="${label}" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" focusable="false">
${drawn}<path class="line" d="M0 ${short(line)}H${width}"/>
</svg>`
}

function columnsOf(names: ChartView['names']): readonly Column<Bar>[] {
  return [
    { label: 'From', names: true, cell: ({ at }) => moment(at) },
    { label: names.above, cell: ({ above }) => number(above) },
    { label: names.below, cell: ({ below }) => number(below) },
  ]
}

function number(value: number): string {
  return value.toLocaleString('en-GB')
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}
