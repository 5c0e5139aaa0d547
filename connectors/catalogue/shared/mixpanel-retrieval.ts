import * as z from 'zod';
import { type AboutExport, type Api, notYet, type OwnedRow, path, type Person, refused } from '../../http/index.ts';
import { objectsOf } from '../files/lines.ts';
import { filesOf } from '../files/zip.ts';
import { createTask } from './mixpanel-tasks.ts';
import { idsOf, ownersOf } from './settings.ts';

const Status = z.object({
  results: z.object({ status: z.string(), results: z.string().nullish(), result: z.string().nullish() }),
});

/**
 * The rows of one retrieval. The first attempt creates the task and keeps its id; later ones ask until it has ended. Rows
 * of people who are no longer in the batch are left out. The archive is read as it arrives.
 */
export async function* retrievedRows(
  api: Api,
  people: readonly Person[],
  about: AboutExport,
  { type, regulation }: { readonly type: string; readonly regulation: string },
): AsyncGenerator<OwnedRow> {
  let [task] = about.tickets;
  if (task === undefined) {
    const disclosure = regulation === 'CCPA' ? { disclosure_type: 'Data' } : {};
    const json = { distinct_ids: idsOf(people, type), compliance_type: regulation, ...disclosure };
    task = await createTask(api, 'retrievals', json);
    await about.keep(task);
  }
  const query = { token: api.secret('project') };
  const answer = await api.get(path`/api/app/data-retrievals/v3.0/${task}`, { query, lane: 'erase' });
  const { status, results, result } = answer.read(Status).results;
  if (['FAILURE', 'REVOKED', 'NOT_FOUND'].includes(status)) throw refused('retrieval_failed');
  // The OpenAPI says `results`, the reference page `result`. The link has been seen in quotation marks.
  const link = ((results ?? '') ? results : result)?.replaceAll('"', '') ?? '';
  if (status !== 'SUCCESS' || link === '') throw notYet('1 hour');
  const storage = api.as('storage');
  const archive = await storage.get(storage.pathOf(link), { as: 'stream', lane: null });
  const owners = ownersOf(people, type);
  for await (const file of filesOf(archive.body, api.secret('archives')))
    for await (const row of objectsOf(file)) {
      const seq = owners.get(distinctIdOf(row));
      if (seq !== undefined) yield { seq, row };
    }
}

const Row = z.object({
  $distinct_id: z.string().optional(),
  distinct_id: z.string().optional(),
  properties: z.looseObject({ distinct_id: z.string().optional() }).optional(),
});

/** Events have the id among their properties, profiles at the top. */
function distinctIdOf(row: unknown): string {
  const parsed = Row.safeParse(row);
  if (!parsed.success) return '';
  return parsed.data.$distinct_id ?? parsed.data.distinct_id ?? parsed.data.properties?.distinct_id ?? '';
}
