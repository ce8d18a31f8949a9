// Defines the table of files, and what their owner sees of one.
import { users } from '../account/table.ts'
import { filesTable } from '../kit/files/files-table.ts'
import { publicFiles } from '../kit/files/schema.ts'

export const files = filesTable(users)

export const publicFile = publicFiles(files)
