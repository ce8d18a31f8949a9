// Draws the last hour, jobs done and attempts failed per minute, as an SVG that needs no script.
/** @jsxImportSource hono/jsx */
import type { Stats } from '../jobs/stats.ts'

type Minute = Stats['minutes'][number]

const HEIGHT = 160
/** So that one failure among thousands of jobs is visible. */
const LEAST_BAR = 3
const LABEL_EVERY_MS = 600_000

const count = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact' })
const clock = (at: number) => new Date(at).toISOString().slice(11, 16)

/** Widths are percentages and heights are pixels: it fills its column, and its text keeps its size. */
export function Chart({ minutes }: { minutes: Minute[] }) {
  const peak = Math.max(...minutes.map(({ done, failed }) => done + failed))
  const { step, top } = scaleOf(peak)
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step)
  const x = (i: number) => `${(100 * i) / minutes.length}%`
  const y = (value: number) => HEIGHT - (HEIGHT * value) / top
  return (
    <figure>
      <Legend minutes={minutes} />
      <div class="chart">
        <svg width="100%" height={HEIGHT + 24} role="img" aria-label={describe(minutes, peak)}>
          {ticks.map((tick) => (
            <>
              <line class="grid" x1="0" x2="100%" y1={y(tick)} y2={y(tick)} />
              <text x="-8" y={y(tick) + 4} text-anchor="end">
                {compact.format(tick)}
              </text>
            </>
          ))}
          {minutes.map((minute, i) => (
            <>
              <Bar
                minute={minute}
                x={x(i)}
                width={x(0.8)}
                scale={HEIGHT / top}
                isOver={i < minutes.length - 1}
              />
              {minute.at % LABEL_EVERY_MS === 0 && (
                <text x={x(i + 0.4)} y={HEIGHT + 20} text-anchor="middle">
                  {clock(minute.at)}
                </text>
              )}
            </>
          ))}
        </svg>
      </div>
    </figure>
  )
}

function Legend({ minutes }: { minutes: Minute[] }) {
  return (
    <figcaption>
      <span class="key done">{count.format(sum(minutes, 'done'))} done</span>
      <span class="key failed">{count.format(sum(minutes, 'failed'))} failed attempts</span>
      <span class="note">per minute, times in UTC</span>
    </figcaption>
  )
}

interface BarProps {
  minute: Minute
  x: string
  width: string
  /** Pixels per job. */
  scale: number
  /** False for the current minute, which is shown paler. */
  isOver: boolean
}

// Failures are at the bottom, where their heights can be compared.
function Bar({ minute: { at, done, failed }, x, width, scale, isOver }: BarProps) {
  const height = (value: number) => (value === 0 ? 0 : Math.max(LEAST_BAR, value * scale))
  const failedHeight = height(failed)
  return (
    <g class={isOver ? undefined : 'open'}>
      <title>{`${clock(at)} UTC: ${done} done, ${failed} failed${isOver ? '' : ', so far'}`}</title>
      <rect class="reach" x={x} y="0" width={width} height={HEIGHT} />
      <rect class="done" x={x} y={HEIGHT - failedHeight - height(done)} width={width} height={height(done)} />
      <rect class="failed" x={x} y={HEIGHT - failedHeight} width={width} height={failedHeight} />
    </g>
  )
}

const sum = (minutes: Minute[], what: 'done' | 'failed') =>
  minutes.reduce((total, minute) => total + minute[what], 0)

function describe(minutes: Minute[], peak: number): string {
  const totals = `In the last hour ${sum(minutes, 'done')} jobs done and ${sum(minutes, 'failed')} attempts failed.`
  const busiest = minutes.find(({ done, failed }) => done + failed === peak)
  return peak === 0 || !busiest
    ? totals
    : `${totals} The most in a minute: ${peak}, at ${clock(busiest.at)} UTC.`
}

/** At most five lines, at round numbers, and never at fractions of a job. */
function scaleOf(peak: number): { step: number; top: number } {
  const rough = Math.max(peak, 4) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10)
  return { step, top: step * Math.ceil(Math.max(peak, 4) / step) }
}
