import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { DAY_MS, durationMs, MINUTE_MS, type DurationText } from '../../../domain/calendar.ts';
import { type About, type Api, type OwnedRow, path, type Person, refused, unavailable } from '../../http/index.ts';
import { gunzipped } from '../files/inflate.ts';
import { objectsOf } from '../files/lines.ts';
import { idsOf, ownersOf } from './settings.ts';

export interface UserpilotExports {
  /** The address of the export API. */
  readonly at?: string;
  /** The address of the storage that the links of exports lead to. */
  readonly filesAt: string;
  /** How far back an export reads. Default: ten years. */
  readonly days?: number;
  /** How often a running job is asked for. Default: 10 seconds. */
  readonly askEvery?: DurationText;
}

const Started = z.object({ job_id: z.string().min(1) });
const State = z.object({ status: z.string(), presigned_urls: z.array(z.object({ url: z.string() })).nullish() });
const Row = z.object({ user_id: z.string().nullish(), company_id: z.string().nullish() });
const MOST_POLLS = 200;

/** Runs one export job and yields the rows of the people. Only one job can run at a time, so another one delays it. */
export async function* exportedRows(
  api: Api,
  people: readonly Person[],
  { kind, signal }: About,
  { type, days = 3650, askEvery = '10 seconds' }: UserpilotExports & { readonly type: string },
): AsyncGenerator<OwnedRow> {
  const column = kind === 'user' ? 'user_id' : 'company_id';
  const owners = ownersOf(people, type);
  const [from, to] = [new Date(Date.now() - days * DAY_MS), new Date(Date.now() + DAY_MS)];
  const exports = api.as('exports');
  const started = await exports.post(path`/api/v1/analytics/exports`, {
    json: { from, to, [column]: idsOf(people, type), format: 'ndjson' },
    expect: [200, 201, 409],
  });
  if (started.status === 409) throw unavailable('another_export_runs', 5 * MINUTE_MS);
  const { job_id: job } = started.read(Started);
  for (let poll = 0; poll < MOST_POLLS; poll += 1) {
    const answer = await exports.get(path`/api/v1/analytics/exports/jobs/${job}`);
    const { status, presigned_urls: files } = answer.read(State);
    if (/^(fail|error|cancel)/i.test(status)) throw refused('export_failed');
    if (!/^complete/i.test(status)) {
      await sleep(durationMs(askEvery) ?? 0, undefined, { signal });
      continue;
    }
    for (const { url } of files ?? [])
      for await (const row of objectsIn(api, url)) {
        const seq = owners.get(Row.safeParse(row).data?.[column] ?? '');
        if (seq !== undefined) yield { seq, row };
      }
    return;
  }
  throw unavailable('export_still_runs', 5 * MINUTE_MS);
}

async function* objectsIn(api: Api, url: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const files = api.as('files');
  const { body } = await files.get(files.pathOf(url), { as: 'stream', lane: null });
  yield* objectsOf(gunzipped(body));
}
