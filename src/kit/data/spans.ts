// Makes spans of statements and of Redis commands, by their names and never by what they carry.
import { SpanKind, trace, type Tracer } from '@opentelemetry/api'
import type { Redis } from 'ioredis'
import { addSpan } from '../log/trace.ts'
import type { QueryObserver } from './query-observer.ts'

export const querySpans = (tracer: Tracer): QueryObserver => ({
  onQuery(name, startedAt, ms, error, { replica }) {
    const attributes = {
      'db.system.name': 'postgresql',
      'db.query.summary': name,
      ...(replica && { 'server.address': replica }),
    }
    addSpan(tracer, name, { kind: SpanKind.CLIENT, attributes, startedAt, ms, error })
  },
})

/** At the call, where it is known whose command it is: many requests share a pipeline. Not for those that block. */
export function traceCommands(redis: Redis, tracer: Tracer): void {
  const commands = redis as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of redis.getBuiltinCommands()) {
    const send = commands[name]
    if (typeof send !== 'function') continue
    commands[name] = (...args) => {
      const sent = send.apply(redis, args)
      if (trace.getActiveSpan() === undefined || !(sent instanceof Promise)) return sent
      const startedAt = performance.now()
      const attributes = { 'db.system.name': 'redis', 'db.operation.name': name }
      const end = (error?: unknown) => {
        const ms = performance.now() - startedAt
        addSpan(tracer, name, { kind: SpanKind.CLIENT, attributes, startedAt, ms, error })
      }
      sent.then(() => end(), end)
      return sent
    }
  }
}
