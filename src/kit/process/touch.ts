// Watches a file that an operator touches to ask for something.
import { statSync } from 'node:fs'

const TOUCH_POLL_MS = 500

/** Calls back when the file is touched or appears. Ends by `clearInterval`. */
export function watchTouch(file: string, onTouch: () => void): ReturnType<typeof setInterval> {
  let last: number | undefined
  const touched = () => {
    try {
      return statSync(file, { throwIfNoEntry: false })?.mtimeMs
    } catch {
      return last // a circle of links or a disk that does not answer is no reason to end
    }
  }
  last = touched()
  return setInterval(() => {
    const now = touched()
    if (now !== undefined && now !== last) onTouch()
    last = now
  }, TOUCH_POLL_MS)
}
