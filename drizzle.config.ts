import { defineConfig } from 'drizzle-kit';

/** `npm run migrations` writes what db/schema/ has and the newest migration lacks into db/migrations/. */
export default defineConfig({ dialect: 'postgresql', schema: './db/schema', out: './db/migrations' });
