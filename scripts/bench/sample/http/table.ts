// The figures as Markdown and as a chart: medians of the rounds, and ratios to a baseline with their spread.
import { median, quantile } from '../../quantile.ts'
import { CEILING, CONTESTANTS, OURS } from './contestants.ts'
import type { Seen } from './load.ts'
import { WORKS } from './work.ts'

export interface Setting {
  connections: number
  processes: number
}

/** What was seen, by setting, work and contestant, one for each round. */
export class Figures {
  readonly #seen = new Map<string, Seen[]>()

  note(setting: Setting, work: string, contestant: string, seen: Seen): void {
    const key = keyOf(setting, work, contestant)
    this.#seen.set(key, [...(this.#seen.get(key) ?? []), seen])
  }

  get(setting: Setting, work: string, contestant: string, field: keyof Seen): number {
    return median((this.#seen.get(keyOf(setting, work, contestant)) ?? []).map((seen) => seen[field]))
  }

  /** CPU a request over that of a baseline in the same round, each: what else the machine does then counts for both. */
  ratios(setting: Setting, work: string, contestant: string, baseline: string): number[] {
    const cpu = (name: string) => (this.#seen.get(keyOf(setting, work, name)) ?? []).map((s) => s.cpuMicros)
    const those = cpu(baseline)
    return cpu(contestant).map((micros, round) => micros / (those[round] ?? NaN))
  }
}

const keyOf = ({ connections, processes }: Setting, work: string, contestant: string) =>
  [connections, processes, work, contestant].join('|')

/** One table for each setting: CPU a request as a ratio to that of the first contestant, then the absolute figures. */
export function markdown(
  figures: Figures,
  settings: Setting[],
  works: { name: string }[],
  contestants: { name: string }[],
): string {
  const baseline = contestants[0]?.name ?? ''
  const columns = [
    'work',
    'server',
    `CPU / ${baseline}`,
    'CPU µs a request',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'RSS MB',
  ]
  const head = [columns, columns.map((_, i) => (i < 2 ? '---' : '--:'))]
  return settings
    .map((setting) => {
      const { connections, processes } = setting
      const rows = works.flatMap(({ name: work }) =>
        contestants.map(({ name }) => {
          const get = (field: keyof Seen) => figures.get(setting, work, name, field)
          return [
            work,
            name === OURS ? `**${name}**` : name,
            withSpread(figures.ratios(setting, work, name, baseline)),
            get('cpuMicros').toFixed(0),
            get('perSecond').toFixed(0),
            get('p50Ms').toFixed(1),
            get('p99Ms').toFixed(1),
            get('rssMb').toFixed(0),
          ]
        }),
      )
      const title = `### ${connections} connections, ${processes} ${processes === 1 ? 'process' : 'processes'}`
      return [title, '', ...[...head, ...rows].map((cells) => `| ${cells.join(' | ')} |`)].join('\n')
    })
    .join('\n\n')
}

/** The median, and ± half of the width of the middle half of the values where there are four or more. */
function withSpread(values: number[]): string {
  const spread = (quantile(values, 0.75) - quantile(values, 0.25)) / 2
  return median(values).toFixed(2) + (values.length < 4 ? '' : ` ± ${spread.toFixed(2)}`)
}

const BAR = 14
const GROUP = CONTESTANTS.length * BAR + 22
const WIDTH = 760
const LEFT = 60
const COLORS = ['#8c959f', '#d9480f', '#4c8bf5', '#7a5af5', '#2da44e', '#b08800']

/** CPU a request over the ceiling's, a bar for each server and work; shorter is better. */
export function chart(figures: Figures, setting: Setting): string {
  const ratio = (work: string, name: string) => median(figures.ratios(setting, work, name, CEILING))
  const most = Math.max(...WORKS.flatMap((w) => CONTESTANTS.map((c) => ratio(w.name, c.name))))
  const scale = (WIDTH - LEFT - 190) / most
  const text = (x: number, y: number, content: string, extra = '') =>
    `<text x="${x}" y="${y}" ${extra}>${content}</text>`
  const bars = WORKS.flatMap((work, group) => [
    text(
      LEFT - 8,
      44 + group * GROUP + (CONTESTANTS.length * BAR) / 2,
      work.name,
      'text-anchor="end" font-weight="600"',
    ),
    ...CONTESTANTS.map(({ name }, i) => {
      const y = 36 + group * GROUP + i * BAR
      const r = ratio(work.name, name)
      return (
        `<rect x="${LEFT}" y="${y}" width="${(r * scale).toFixed(1)}" height="${BAR - 3}" fill="${COLORS[i]}"/>` +
        text(LEFT + r * scale + 6, y + 9, `${name} ${r.toFixed(2)}`, name === OURS ? 'font-weight="700"' : '')
      )
    }),
  ])
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${36 + WORKS.length * GROUP}" font-family="system-ui, sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${text(LEFT, 20, `Server CPU a request, as a ratio to Bun alone (${setting.connections} connections, ${setting.processes} process${setting.processes === 1 ? '' : 'es'}); shorter is better`, 'font-size="13"')}
${bars.join('\n')}
</svg>
`
}
