// The app under test with the template mounted on it.
import type { TestApp } from '../../../../test/support/harness.ts'
import { ownToyCars, toyCars } from '../routes.ts'
import * as table from '../table.ts'
import { startWith } from './mount.ts'
import * as parent from './toy-boxes/table.ts'
import * as referred from './toy-makers/table.ts'

export type { TestApp }

export const tables = { ...parent, ...referred, ...table }

export const startApp = () =>
  startWith(tables, { '/api/toy-boxes/:toy_box/toy-cars': toyCars, '/api/toy-cars': ownToyCars })
