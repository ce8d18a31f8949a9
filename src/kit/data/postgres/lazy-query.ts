// Wraps a statement as Drizzle expects it from the driver: it is sent when awaited, for objects or for values.
import type { Rows, Statement } from '../../types/statement.ts'

type Options = { prepare?: boolean }

/** @param send sends one statement */
export const lazyQuery =
  (send: (statement: Statement) => PromiseLike<Rows>) =>
  (text: string, parameters: readonly unknown[] = [], { prepare }: Options = {}) => ({
    // oxlint-disable-next-line unicorn/no-thenable -- the driver's query is one, and Drizzle awaits it
    then: (...settled: Parameters<Promise<Rows>['then']>) =>
      send({ text, parameters, prepare }).then(...settled),
    values: () => send({ text, parameters, prepare, asValues: true }),
  })
