// Names the paths of the account's pages.

/** Where app.ts mounts them. */
export const PAGES = '/api/auth'

export const SIGN_IN = `${PAGES}/sign-in`
export const SIGN_UP = `${PAGES}/sign-up`
export const FORGOT = `${PAGES}/forgot`
export const ACCOUNT = `${PAGES}/account`
export const SESSIONS = `${ACCOUNT}/sessions`
export const TOKENS = `${ACCOUNT}/tokens`
export const ACTIVITY = `${ACCOUNT}/activity`
/** Where the password is given again, for what needs a fresh login. */
export const CONFIRM = `${PAGES}/confirm`
