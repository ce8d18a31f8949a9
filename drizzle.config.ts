// For drizzle-kit's own commands: where the tables stand, and where migrations are. `npm run generate` goes by the same.
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/**/table.ts',
  out: './drizzle',
})
