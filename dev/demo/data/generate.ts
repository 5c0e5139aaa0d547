import { readFileSync } from 'node:fs';
import postgres from 'postgres';

export interface DemoData {
  /** 1: 50 000 users and 500 000 events. */
  readonly scale: number;
  readonly seed: number;
}

const text = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Throws when scale or seed is out of range. */
export function sizeOf({ scale, seed }: DemoData): { readonly users: number; readonly events: number } {
  if (!Number.isSafeInteger(seed) || !(scale > 0 && scale <= 100))
    throw new Error('--seed must be a whole number; --scale must be greater than 0 and at most 100');
  const users = Math.max(200, Math.round(50_000 * scale));
  return { users, events: users * 10 };
}

/** Replaces the demo's schema in one transaction, so that an interrupted import leaves the earlier data. */
export async function seedDemo(url: string, { scale, seed }: DemoData): Promise<void> {
  const numbers: Record<string, number> = { seed, ...sizeOf({ scale, seed }) };
  const data = text('data.sql').replace(/:(seed|users|events)\b/g, (_, name: string) => String(numbers[name]));
  await withClient(url, async (sql) => {
    const state = await demoState(sql);
    if (state === 'foreign')
      throw new Error(
        'This database has a schema `app` that the demo did not create. It was not changed; use another database.',
      );
    await sql.begin(async (tx) => {
      if (state !== 'absent') await tx`DROP SCHEMA app CASCADE`;
      await tx.unsafe(text('schema.sql'));
      await tx.unsafe(data);
      await tx.unsafe(`COMMENT ON SCHEMA app IS '${comment({ scale, seed })}'`);
    });
    await sql`ANALYZE`;
  });
}

/** Whether data of this scale and seed was imported, even when rows were deleted since. */
export const isSeeded = (url: string, data: DemoData): Promise<boolean> =>
  withClient(url, async (sql) => (await demoState(sql)) === comment(data));

const comment = ({ scale, seed }: DemoData): string => `Lethe demo, scale ${scale}, seed ${seed}`;

async function demoState(sql: postgres.Sql): Promise<string> {
  const [schema] = await sql<{ comment: string | null }[]>`
    SELECT obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = 'app'`;
  if (schema === undefined) return 'absent';
  return schema.comment?.startsWith('Lethe demo') === true ? schema.comment : 'foreign';
}

async function withClient<Result>(url: string, use: (sql: postgres.Sql) => Promise<Result>): Promise<Result> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end();
  }
}
