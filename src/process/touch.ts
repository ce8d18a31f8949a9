// A file that somebody touches to ask for something.
import { statSync } from 'node:fs'

const TOUCH_POLL_MS = 500

/** Calls back when the file is touched, or appears. */
export function watchTouch(file: string, onTouch: () => void): ReturnType<typeof setInterval> {
  let last: number | undefined
  const touched = () => {
    try {
      return statSync(file, { throwIfNoEntry: false })?.mtimeMs
    } catch {
      return last // no reason to end: a link in a circle, a disk that does not answer
    }
  }
  last = touched()
  return setInterval(() => {
    const now = touched()
    if (now !== undefined && now !== last) onTouch()
    last = now
  }, TOUCH_POLL_MS)
}
