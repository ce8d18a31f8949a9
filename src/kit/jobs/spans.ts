// Makes the spans of jobs: one where a job is enqueued, and below it one for each attempt.
import { SpanKind, type Tracer } from '@opentelemetry/api'
import { requestContext } from '../log/request-context.ts'
import { parseTrace, type TraceText, traceOf, withSpan } from '../log/trace.ts'
import type { Element } from './element.ts'

/** What the job carries, so that its attempts stand below it. */
export function producerSpan(tracer: Tracer, task: string): TraceText | undefined {
  const attributes = { 'messaging.system': 'redis', 'messaging.operation.type': 'create' }
  const span = tracer.startSpan(`enqueue ${task}`, { kind: SpanKind.PRODUCER, attributes })
  span.end()
  return traceOf(span)
}

/** Runs an attempt in the trace of whoever enqueued the job: what it logs, enqueues and sends belongs to that trace. */
export function inTraceOfJob<T>(
  tracer: Tracer | null,
  { id, task, rid: requestId, tp }: Element,
  queue: string,
  work: () => Promise<T>,
): Promise<T> {
  const parent = parseTrace(tp)
  if (tracer === null) return parent ? requestContext.run({ requestId, trace: parent }, work) : work()
  const attributes = {
    'messaging.system': 'redis',
    'messaging.operation.type': 'process',
    'messaging.destination.name': queue,
    'messaging.message.id': id,
  }
  return withSpan(tracer, `process ${task}`, { kind: SpanKind.CONSUMER, parent, attributes }, (span) =>
    requestContext.run({ requestId, trace: traceOf(span) ?? parent }, work),
  )
}
