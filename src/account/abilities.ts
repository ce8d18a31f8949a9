// Names what a personal access token may be allowed to do.

/** The ability of a module of yours joins here: `requireRole('editor', { ability: 'reports' })`. */
export const ABILITIES = ['read', 'write'] as const
