// The product's migrations: npx drizzle-kit generate --config test/kit/product/drizzle.config.ts --name what
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./test/kit/product/table.ts', './src/kit/audit/table.ts', './src/kit/jobs/outbox/table.ts'],
  out: './test/kit/product/drizzle',
})
