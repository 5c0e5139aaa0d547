import type { Database } from '../client.ts';

/** The first process says where this ledger's archives lie; whatever then sees another storage refuses to start. */
export async function requireSameStorage(database: Database, mark: string): Promise<void> {
  await database`INSERT INTO lethe.archive_storage (mark) VALUES (${mark}) ON CONFLICT DO NOTHING`;
  const [known] = await database<{ mark: string }[]>`SELECT mark FROM lethe.archive_storage`;
  if (known?.mark !== mark)
    throw new Error(
      'LETHE_ARCHIVES is another storage than the one that the archives of this ledger lie in: api and workers have to see the same one (docs/operations.md, Archives)',
    );
}
