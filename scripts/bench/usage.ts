// Tells what a process takes of the machine, by Linux's /proc.
import { readFileSync } from 'node:fs'

const TICKS_PER_S = 100

/** The memory that it has by now, in MB of 1024 KB. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** Seconds of the processor so far, in steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  // The name, in brackets, may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
}
