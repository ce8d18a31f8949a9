// Declares the setting of the page to try the API.
import { setting } from '../config/setting.ts'
import { flag } from '../config/values.ts'

export const apiDocsSettings = {
  apiDocs: setting('API_DOCS', flag().optional(), {
    about: 'The page at `/api/docs` to try the API',
    unset: '`on`, production `off`',
    example: 'on',
  }),
}
