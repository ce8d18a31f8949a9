// Writes the events of its channels to one client, each with the position that the client has then.
import { encodeEvent, type EventStream } from '../http/event-stream.ts'
import type { Asked } from './channel.ts'
import { compareIds, type LoggedEvent } from './event-log.ts'
import { markOf, type Position, writePosition } from './position.ts'

/** The bytes of one event are the same for all who have no other channel, as most. */
export interface Shared {
  bytes?: Uint8Array<ArrayBuffer>
}

export class Follower {
  readonly mark: string
  /** Until it has caught up its position is as old as that which it came with. */
  isCurrent = false
  #position: Position

  /** @param now tells until when all channels were read, and in which run of Redis */
  constructor(
    readonly stream: EventStream,
    readonly asked: readonly Asked[],
    position: Position,
    readonly now: () => Pick<Position, 'run' | 'at'> | undefined,
  ) {
    this.mark = markOf(asked.map(({ text }) => text))
    this.#position = position
  }

  get came(): Pick<Position, 'run' | 'at'> {
    return this.#position
  }

  idOf(index: number): string {
    return this.#position.ids[index] ?? ''
  }

  /** One that it has had is passed over. */
  send(index: number, { id, text }: LoggedEvent, shared?: Shared): void {
    const { ids } = this.#position
    if (compareIds(id, this.idOf(index)) <= 0) return
    ids[index] = id
    const encode = () => encodeEvent({ id: this.#text(), event: this.asked[index]?.text ?? '', data: text })
    const isAlone = shared !== undefined && ids.length === 1 && this.isCurrent
    this.stream.write(isAlone ? (shared.bytes ??= encode()) : encode())
  }

  /** Says that events may be missing, and goes on behind this one. */
  reset(index: number, id: string): void {
    this.#position.ids[index] = id
    const data = JSON.stringify(this.asked[index]?.text)
    this.stream.write(encodeEvent({ id: this.#text(), event: 'reset', data }))
  }

  /** Tells its position alone, now and after each silence: what is long ago could not be filled any more. */
  beCurrent(): void {
    this.isCurrent = true
    this.stream.heartbeat = () => encodeEvent({ id: this.#text() })
    this.stream.write(this.stream.heartbeat())
  }

  #text(): string {
    if (this.isCurrent) Object.assign(this.#position, this.now())
    return writePosition(this.#position, this.mark)
  }
}
