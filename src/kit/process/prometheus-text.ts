// Writes metrics in the text format that Prometheus reads.

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Sample {
  /** Of the metric's name: the parts of a histogram have one each. */
  suffix?: '_bucket' | '_sum' | '_count'
  labels?: Record<string, string | number>
  value: number
}

/** A metric with all its samples. */
export function metric(
  type: 'counter' | 'gauge' | 'histogram',
  name: string,
  help: string,
  samples: Sample[],
): string {
  const lines = samples.map(({ suffix = '', labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(String(text))}"`)
    return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

export const counter = (name: string, help: string, samples: Sample[]) =>
  metric('counter', name, help, samples)
export const gauge = (name: string, help: string, samples: Sample[]) => metric('gauge', name, help, samples)

/** @param within of each: how many were at most as long as the bound at the same index */
export const histogram = (
  name: string,
  help: string,
  bounds: readonly number[],
  all: readonly {
    labels: Record<string, string>
    count: number
    seconds: number
    within: readonly number[]
  }[],
) =>
  metric(
    'histogram',
    name,
    help,
    all.flatMap(({ labels, count, seconds, within }): Sample[] => [
      ...bounds.map((le, i): Sample => ({
        suffix: '_bucket',
        labels: { le, ...labels },
        value: within[i] ?? 0,
      })),
      { suffix: '_bucket', labels: { le: '+Inf', ...labels }, value: count },
      { suffix: '_sum', labels, value: seconds },
      { suffix: '_count', labels, value: count },
    ]),
  )

const escape = (text: string) => text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
