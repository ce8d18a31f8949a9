// drizzle-kit: where the tables stand, and where `npm run generate` writes migrations.
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/**/table.ts',
  out: './drizzle',
})
