// What each contestant of the queue benchmark does, and the job that they all do it with.

export const PAYLOAD = (i: number) => ({ userId: i, template: 'welcome' })

/** Of those whose jobs have keys: each runs one job of a key at a time. */
export const KEYS = 100

export interface Producer {
  /** One job, acknowledged. */
  enqueue(i: number): Promise<unknown>
  /** Many at once, by the contestant's own means. */
  bulk(from: number, count: number): Promise<unknown>
  close(): Promise<unknown>
}

export interface Contestant {
  name: string
  producer(url: string): Promise<Producer>
  /** Starts to take jobs; calls `onJob` as the work of each. */
  work(
    url: string,
    concurrency: number,
    onJob: (payload: { userId: number }) => void,
  ): Promise<{ stop(): Promise<unknown> }>
}
