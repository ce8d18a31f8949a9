// The figures as Markdown and as a chart: medians of the rounds, and ratios to a baseline with their spread.
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
    return median((this.#seen.get(keyOf(setting, work, contestant)) ?? []).map((seen) => seen[field])).value
  }

  /** CPU a request over that of a baseline in the same round: what else the machine does then counts for both. */
  ratio(setting: Setting, work: string, contestant: string, baseline: string): Median {
    const cpu = (name: string) => (this.#seen.get(keyOf(setting, work, name)) ?? []).map((s) => s.cpuMicros)
    const those = cpu(baseline)
    return median(cpu(contestant).map((micros, round) => micros / (those[round] ?? NaN)))
  }
}

const keyOf = ({ connections, processes }: Setting, work: string, contestant: string) =>
  [connections, processes, work, contestant].join('|')

interface Median {
  value: number
  /** Half of the width of the middle half of the values; not to be told of fewer than four. */
  spread: number | undefined
}

export function median(values: number[]): Median {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => {
    const place = (sorted.length - 1) * part
    const [low = NaN, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
    return low + (high - low) * (place % 1)
  }
  return { value: at(0.5), spread: sorted.length < 4 ? undefined : (at(0.75) - at(0.25)) / 2 }
}

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
          const ratio = figures.ratio(setting, work, name, baseline)
          return [
            work,
            name === OURS ? `**${name}**` : name,
            ratio.value.toFixed(2) + (ratio.spread === undefined ? '' : ` ± ${ratio.spread.toFixed(2)}`),
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

const BAR = 14
const GROUP = CONTESTANTS.length * BAR + 22
const WIDTH = 760
const LEFT = 60
const COLORS = ['#8c959f', '#d9480f', '#4c8bf5', '#7a5af5', '#2da44e', '#b08800']

/** CPU a request over the ceiling's, a bar for each server and work; shorter is better. */
export function chart(figures: Figures, setting: Setting): string {
  const ratio = (work: string, name: string) => figures.ratio(setting, work, name, CEILING).value
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
