// The figures as Markdown and as a chart: medians of the rounds, their spread, and ratios to the ceiling.
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

  get(setting: Setting, work: string, contestant: string, field: keyof Seen): Median {
    return median((this.#seen.get(keyOf(setting, work, contestant)) ?? []).map((seen) => seen[field]))
  }

  /** Of each round the ratio of one to another: what slows down a whole round counts for neither. */
  ratios(setting: Setting, work: string, one: string, other: string, field: keyof Seen): number[] {
    const of = (contestant: string) => this.#seen.get(keyOf(setting, work, contestant)) ?? []
    const others = of(other)
    return of(one).map((seen, round) => seen[field] / (others[round]?.[field] ?? NaN))
  }
}

const keyOf = ({ connections, processes }: Setting, work: string, contestant: string) =>
  [connections, processes, work, contestant].join('|')

interface Median {
  value: number
  /** Half of the distance from the least to the most, as a part of the median. */
  spread: number
}

export function median(values: number[]): Median {
  const sorted = values.toSorted((a, b) => a - b)
  const value = ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2
  return { value, spread: ((sorted.at(-1) ?? NaN) - (sorted[0] ?? NaN)) / 2 / value }
}

/** One table for each setting: CPU a request as a ratio to the ceiling's, then the absolute figures. */
export function markdown(figures: Figures, settings: Setting[]): string {
  return settings
    .map((setting) => {
      const { connections, processes } = setting
      const rows = WORKS.flatMap(({ name: work }) =>
        CONTESTANTS.map(({ name }) => {
          const get = (field: keyof Seen) => figures.get(setting, work, name, field)
          const cpu = get('cpuMicros')
          const ratio = cpu.value / figures.get(setting, work, CEILING, 'cpuMicros').value
          return [
            work,
            name === OURS ? `**${name}**` : name,
            ratio.toFixed(2),
            `${cpu.value.toFixed(0)} ± ${(cpu.spread * 100).toFixed(0)} %`,
            get('perSecond').value.toFixed(0),
            get('p50Ms').value.toFixed(1),
            get('p99Ms').value.toFixed(1),
            get('rssMb').value.toFixed(0),
          ]
        }),
      )
      const head = [
        'work',
        'server',
        'CPU / ceiling',
        'CPU µs a request',
        'requests/s',
        'p50 ms',
        'p99 ms',
        'RSS MB',
      ]
      return [
        `### ${connections} connections, ${processes} ${processes === 1 ? 'process' : 'processes'}`,
        '',
        lineOf(head),
        lineOf(head.map((_, i) => (i < 2 ? '---' : '--:'))),
        ...rows.map(lineOf),
      ].join('\n')
    })
    .join('\n\n')
}

/** CPU a request of ours and of another, and the ratio of those that were measured together: median and middle half. */
export function paired(figures: Figures, setting: Setting, work: string, other: string): string {
  const cpu = (name: string) => figures.get(setting, work, name, 'cpuMicros').value.toFixed(1)
  const ratios = figures.ratios(setting, work, OURS, other, 'cpuMicros').toSorted((a, b) => a - b)
  const at = (part: number) => ratios[Math.round((ratios.length - 1) * part)]?.toFixed(2)
  return lineOf([work, cpu(OURS), cpu(other), median(ratios).value.toFixed(3), `${at(0.25)} to ${at(0.75)}`])
}

export const pairedHead = (other: string) =>
  `${lineOf(['CPU µs a request', OURS, other, 'ratio', 'middle half'])}\n${lineOf(['---', '--:', '--:', '--:', '--:'])}`

const lineOf = (cells: string[]) => `| ${cells.join(' | ')} |`

const BAR = 14
const GROUP = CONTESTANTS.length * BAR + 22
const WIDTH = 760
const LEFT = 60
const COLORS = ['#8c959f', '#d9480f', '#4c8bf5', '#7a5af5', '#2da44e', '#b08800']

/** CPU a request over the ceiling's, a bar for each server and work; shorter is better. */
export function chart(figures: Figures, setting: Setting): string {
  const ratio = (work: string, name: string) =>
    figures.get(setting, work, name, 'cpuMicros').value /
    figures.get(setting, work, CEILING, 'cpuMicros').value
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
