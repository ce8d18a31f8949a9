// The text in which Prometheus reads the metrics.
import { expect, test } from 'bun:test'
import { metric, type Sample } from '../../../src/kit/process/prometheus-text.ts'

test('a metric says what it is, and has a line for each sample', () => {
  const samples: Sample[] = [
    { suffix: '_bucket', labels: { le: 0.5, route: '/a' }, value: 3 },
    { suffix: '_sum', labels: { route: '/a' }, value: 0.25 },
  ]
  expect(metric('histogram', 'seconds', 'How long it took.', samples)).toBe(
    [
      '# HELP seconds How long it took.',
      '# TYPE seconds histogram',
      'seconds_bucket{le="0.5",route="/a"} 3',
      'seconds_sum{route="/a"} 0.25',
      '',
    ].join('\n'),
  )
  expect(metric('gauge', 'up', 'Whether it is up.', [{ value: 1 }])).toEndWith('gauge\nup 1\n')
  expect(metric('gauge', 'up', 'Whether it is up.', [])).toEndWith('gauge\n')
})

test('the pattern of a route cannot break a line or a label', () => {
  const text = metric('counter', 'n', 'A number.', [{ labels: { route: '/:id{[0-9]+\\.x"}\n' }, value: 1 }])
  expect(text.split('\n')[2]).toBe('n{route="/:id{[0-9]+\\\\.x\\"}\\n"} 1')
})
