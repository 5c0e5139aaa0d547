import { defineConfig } from 'drizzle-kit';

/** `npm run migrations` compares db/schema/ with the newest migration and writes the difference to db/migrations/. */
export default defineConfig({ dialect: 'postgresql', schema: './db/schema', out: './db/migrations' });
