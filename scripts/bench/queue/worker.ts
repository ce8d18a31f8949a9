// A worker process of the benchmark: runs until the queue is empty, and says how many jobs it did from when to when.
import { CONTESTANTS } from './contestants.ts'

const QUIET_MS = 300
const [, , name, url = '', concurrency] = process.argv
const contestant = CONTESTANTS.find((c) => c.name === name)
if (!contestant) throw new Error(`no contestant ${name}`)

// The same clock in all processes.
const now = () => performance.timeOrigin + performance.now()
let count = 0
let first = 0
let last = 0

process.stdout.write('ready\n')
for await (const chunk of process.stdin) if (String(chunk).includes('go')) break
const worker = await contestant.work(url, Number(concurrency), () => {
  last = now()
  if (count++ === 0) first = last
})
const started = now()
while (count === 0 ? now() - started < 5000 : now() - last < QUIET_MS) await Bun.sleep(50)
process.stdout.write(`${JSON.stringify({ count, first, last })}\n`)
await worker.stop()
process.exit(0)
