// Logs for tests: one that says nothing, one that keeps its lines, one that is written in a process of its own.
import { join } from 'node:path'
import type { Log, LogFields } from '../../../src/kit/types/log.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

export const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

export interface Line {
  level: string
  message: string
  fields: Record<string, unknown>
  /** Of the request in whose context the line was logged. */
  requestId: string | undefined
}

export function recorder() {
  const lines: Line[] = []
  const record =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields, requestId: requestContext.getStore()?.requestId })
  const log: Log = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  }
  return { log, lines }
}

const logOptions = {
  level: 'info',
  format: 'json',
  file: undefined,
  syslog: undefined,
  sql: false,
  redact: [],
}

/** Runs code in a process of its own that has `log` and `requestContext`; answers what came out of it. */
export async function run(code: string, options: object = {}) {
  const child = Bun.spawn([process.execPath, '-e', program(code, options)], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { out, err, exitCode: await child.exited, lines: out.split('\n').slice(0, -1) }
}

export const program = (code: string, options: object) => `
  const { createLog } = await import(${JSON.stringify(join(import.meta.dir, '../../../src/kit/log/log.ts'))})
  const { requestContext } = await import(${JSON.stringify(join(import.meta.dir, '../../../src/kit/log/request-context.ts'))})
  const log = createLog(${JSON.stringify({ ...logOptions, ...options })}, 'notebook')
  ${code}`
