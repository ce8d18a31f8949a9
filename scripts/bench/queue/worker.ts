// A worker process of the benchmark: says every now and then how many jobs it did, from when to when, until it is told to stop.
import { CONTESTANTS } from './contestants.ts'

const [, , name, url = '', concurrency] = process.argv
const contestant = CONTESTANTS.find((c) => c.name === name)
if (!contestant) throw new Error(`no contestant ${name}`)

// The same clock in all processes.
const now = () => performance.timeOrigin + performance.now()
const done = { count: 0, first: 0, last: 0 }

process.stdout.write('ready\n')
for await (const chunk of process.stdin) if (String(chunk).includes('go')) break
const before = process.cpuUsage()
const worker = await contestant.work(url, Number(concurrency), () => {
  done.last = now()
  if (done.count++ === 0) done.first = done.last
})
setInterval(() => {
  const { user, system } = process.cpuUsage(before)
  process.stdout.write(`${JSON.stringify({ ...done, cpu: user + system })}\n`)
}, 100)
process.once('SIGTERM', () => {
  void worker.stop().then(() => process.exit(0))
})
