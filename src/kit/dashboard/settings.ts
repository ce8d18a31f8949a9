// Declares the setting of the operators' page.
import { setting } from '../config/setting.ts'
import { flag } from '../config/values.ts'

export const dashboardSettings = {
  operatorsPage: setting('OPERATORS_PAGE', flag().default(true), {
    about: 'The page at `/api/operators`, for superusers',
  }),
}
