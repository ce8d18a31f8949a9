// Carries a trace as W3C Trace Context has it, and makes spans where an OpenTelemetry SDK is registered.
import {
  context,
  createTraceState,
  isSpanContextValid,
  ProxyTracerProvider,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace as api,
  type Tracer,
} from '@opentelemetry/api'
import { requestContext } from './request-context.ts'

/**
 * A trace as it travels, through jobs and the outbox too: a `traceparent` of version 00, and behind a space the `tracestate`
 * if there is one.
 */
export type TraceText = string

const PARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/
const PARENT_LENGTH = 55
/** Vendors' keys and values; a longer one is dropped, as the standard allows. */
const STATE = /^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/

/** What came in, if it is a trace: anything else counts as none. A header that was sent twice is none either. */
export function readTrace(parent: unknown, state?: unknown): TraceText | undefined {
  if (typeof parent !== 'string') return undefined
  // A later version may say more behind what this one knows.
  const isLater = parent[PARENT_LENGTH] === '-' && !parent.startsWith('00')
  const known = isLater ? parent.slice(0, PARENT_LENGTH) : parent
  if (known.length !== PARENT_LENGTH || !PARENT.test(known)) return undefined
  const text = `00${known.slice(2)}`
  return typeof state === 'string' && STATE.test(state) ? `${text} ${state}` : text
}

/** As `readTrace`, of what was written as one text: nobody vouches for what lies in Redis. */
export const parseTrace = (text: unknown) =>
  typeof text === 'string' ? readTrace(...split(text)) : undefined

const split = (text: TraceText): [string, string?] =>
  text[PARENT_LENGTH] === ' ' ? [text.slice(0, PARENT_LENGTH), text.slice(PARENT_LENGTH + 1)] : [text]

/** The trace of what runs now: of the innermost span, or else what its request or job came with. */
export function currentTrace(): TraceText | undefined {
  const span = api.getActiveSpan()
  return (span && traceOf(span)) ?? requestContext.getStore()?.trace
}

/** The headers that tell another service of the current trace; none outside of one. */
export function traceHeaders(): Record<string, string> {
  const [traceparent, tracestate] = split(currentTrace() ?? '')
  return traceparent === '' ? {} : { traceparent, ...(tracestate !== undefined && { tracestate }) }
}

export function traceOf(span: Span): TraceText | undefined {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext()
  return isSpanContextValid(span.spanContext())
    ? readTrace(`00-${traceId}-${spanId}-0${traceFlags & 1}`, traceState?.serialize())
    : undefined
}

/** Undefined unless an SDK is registered: to be asked once, when all is opened, so that without one nothing is made. */
export function registeredTracer(): Tracer | undefined {
  const provider = api.getTracerProvider()
  const isNone =
    provider instanceof ProxyTracerProvider &&
    provider.getDelegate() === new ProxyTracerProvider().getDelegate()
  return isNone ? undefined : provider.getTracer('kit')
}

/** Runs work in a span below `parent`, or below the current one. A failure is told by the name of its error, not its words. */
export function withSpan<T>(
  tracer: Tracer,
  name: string,
  { parent, ...options }: SpanOptions & { parent: TraceText | undefined },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, options, contextOf(parent), async (span) => {
    try {
      return await work(span)
    } catch (error) {
      fail(span, error)
      throw error
    } finally {
      span.end()
    }
  })
}

/** Adds a span for what has ended, if it belongs to one: what a process does by itself would be a trace each time. */
export function addSpan(
  tracer: Tracer,
  name: string,
  { startedAt, ms, error, ...options }: SpanOptions & { startedAt: number; ms: number; error: unknown },
): void {
  if (api.getActiveSpan() === undefined) return
  const startTime = performance.timeOrigin + startedAt
  const span = tracer.startSpan(name, { ...options, startTime })
  if (error !== undefined) fail(span, error)
  span.end(startTime + ms)
}

function fail(span: Span, error: unknown): void {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  const name = error instanceof Error ? error.name : typeof error
  span.setAttribute('error.type', typeof code === 'string' ? code : name)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function contextOf(text: TraceText | undefined) {
  if (text === undefined) return context.active()
  const [parent, state] = split(text)
  const [, traceId = '', spanId = '', flags = ''] = parent.split('-')
  return api.setSpanContext(context.active(), {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  })
}
