// What is said of a change that cannot go on as it stands, kind by kind: what older processes would suffer, and the answers.

const BY_HAND = 'that is written by hand, in steps: drizzle/README.md'

export const ASKS = {
  renamedTable: (place: string, other: string) =>
    `The table ${place} is gone, and ${other} is new with the same columns. If it is that one under another name: leave its name in ` +
    `Postgres, which no client sees, as pgTable('${place}', ...), and rename the variable alone; older processes would find no table ` +
    `else. If it is another one: --drop ${place}`,

  renamedColumn: (place: string, other: string) =>
    `The column ${place} is gone, and "${other}" is new with the same type. Nobody can tell which it is:\n` +
    `  that column under another name, with its values: --rename ${place}:${other}\n` +
    `  another one, and ${place} is to be dropped:      --drop ${place}`,

  noNewColumn: (place: string, to: string) => `--rename ${place}:${to}: the table has no new column "${to}".`,

  renamedAndChanged: (place: string) =>
    `${place} gets another name and changes besides (NOT NULL, default), or is a key or generated. One after the other: first the name ` +
    'alone, and the rest when that is contracted.',

  renamedVolatile: (place: string, to: string, was: string) =>
    `${place} has another default for each row: under two names it cannot be told whether a process leaves it out. Keep its name in ` +
    `Postgres, which no client sees, and rename the property alone: ${to}: uuid('${was}').`,

  goneColumn: (place: string) =>
    `The column ${place} is gone. Processes of the new code write none, and older ones, which run beside them or come back, expect one. ` +
    `Say in SQL which they find in new rows, such as --fill "${place}=''" of a text or "${place}=0" of a number; or null, if the ` +
    'older code bears that.',

  required: (place: string, isNew: boolean) =>
    `The column ${place} is ${isNew ? 'new and NOT NULL' : 'NOT NULL now'}. Rows that are there have none, and older processes write none. ` +
    `Give it a .default(...) in table.ts; or leave .notNull() away; or say in SQL what such rows get, such as --fill "${place}=''" of a text or ` +
    `"${place}=0" of a number; it may name other columns of the row.`,

  otherType: (place: string, was: string, is: string) =>
    `The type of ${place} changes from ${was} to ${is}. Older processes would go on with the old one, and the table would be rewritten ` +
    `under a lock. Give the new one another name in table.ts; then --rename ${place}:<that name> keeps both, each in its type, while ` +
    'processes of both ages run.',

  otherKey: (place: string) =>
    `${place} becomes, or is no longer, a primary key, generated or an identity: ${BY_HAND}.`,

  goneValue: (place: string, known: string | undefined) =>
    `The value ${place} is gone. Rows hold it, and older processes write it. Say which they get instead, of those that were there ` +
    `before: --fill ${place}=${known ?? '...'}`,

  renamedValue: (place: string, fresh: string) =>
    `  If "${fresh}" is that one under another name: have both in a first release, whose code understands both, and take the old one out ` +
    `in the next, by --fill ${place}=${fresh}.`,

  listOfValues: (place: string, type: string) =>
    `${place} is a list of ${type}, a value of which is gone: ${BY_HAND}.`,

  betweenSteps: (table: string) =>
    `The table ${table} is between two steps already. First end those, once no older process runs: put this change aside (git stash), ` +
    'npm run generate -- --name what --contract, and take it up again (git stash pop).',

  twoWays: (place: string) =>
    `${place} changes in two ways at once: one after the other, each with its own npm run generate.`,

  otherSchema: (place: string) => `${place} is in a schema of its own: ${BY_HAND}.`,

  nothing: (place: string) => `Nothing is to be said of ${place}: it did not change so.`,
}
