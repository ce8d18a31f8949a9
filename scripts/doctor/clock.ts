// The clock of this machine beside that of a service: sessions and jobs are dated by both.
import { type Finding, ok, warn } from './finding.ts'

const MAX_APART_MS = 2000

/** @param ask answers the service's time, in unix milliseconds */
export async function checkClock(service: string, ask: () => Promise<number>): Promise<Finding> {
  const before = Date.now()
  const theirs = await ask()
  const after = Date.now()
  // Their answer was true at some moment in between: only what lies outside of it is a difference.
  return judgeClock(service, theirs < before ? theirs - before : Math.max(0, theirs - after))
}

/** @param apartMs positive: the service is ahead */
export function judgeClock(service: string, apartMs: number): Finding {
  const check = `clock of ${service}`
  const seconds = (Math.abs(apartMs) / 1000).toFixed(1)
  if (Math.abs(apartMs) <= MAX_APART_MS) return ok(check, `${seconds} s apart from this machine`)
  const found = `${seconds} s ${apartMs > 0 ? 'ahead of' : 'behind'} this machine`
  return warn(check, found, 'Let all machines take their time by NTP: timedatectl set-ntp true')
}
