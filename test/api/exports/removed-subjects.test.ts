import { createHash, randomBytes } from 'node:crypto';
import pino from 'pino';
import { expect, test } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { folderStorage } from '../../../archives/storage/folder.ts';
import { unpack } from '../../archives/packing.ts';
import { archiveFolder, PUBLIC_URL } from '../../support/archives.ts';
import { CATALOG, KEYS, START, testApi, user } from '../support/api.ts';
import { createLink, linkStateOf, makeReady, submitExport } from './exports.ts';

const storage = folderStorage(archiveFolder());
const api = await testApi({ storage });

const download = async (path: string) => api.app.request(path, { method: 'POST' }, { incoming: { socket: api.peer } });
const filesOf = async (answer: Response) => unpack(Buffer.from(await answer.arrayBuffer()));
async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let times = 0; times < 200; times += 1, await new Promise((resolve) => setTimeout(resolve, 20)))
    if (await holds()) return;
  throw new Error('the condition was not met in time');
}

/** Removes subjects as a claim does. */
async function removeSubjects(id: string, ...seqs: readonly number[]): Promise<void> {
  await api.sql`DELETE FROM lethe.archive_subject_keys WHERE request_id = ${id} AND seq = ANY(${seqs as number[]}::int[])`;
  await api.sql`UPDATE lethe.archives SET removed_subjects = removed_subjects + ${seqs.length} WHERE request_id = ${id}`;
}

const LINES = [1, 2, 3].map((seq) =>
  Buffer.from(`{"id":"u-${seq}","note":"canary of ${seq} ${'x'.repeat(900 * seq)}"}\n`),
);

test('downloads the archive without removed subjects by the same link, with the figures of the rest', async () => {
  const { id, bytes } = await makeReady(api, storage, await submitExport(api, [user('u-1')]), LINES);
  const [first, second] = [await createLink(api, id), await createLink(api, id)];
  expect((await download(second.path)).headers.get('content-length')).toBe(String(bytes.length));
  await removeSubjects(id, 2);
  const answer = await download(first.path);
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, null]);
  const files = await filesOf(answer);
  const rest = Buffer.concat([LINES[0] ?? Buffer.alloc(0), LINES[2] ?? Buffer.alloc(0)]);
  expect(files.get('data/app/app.users.ndjson')?.equals(rest)).toBe(true);
  expect(JSON.parse(files.get('manifest.json')?.toString() ?? '')).toMatchObject({
    subjects: 2,
    removedSubjects: 1,
    files: [{ rows: 2, bytes: rest.length, sha256: createHash('sha256').update(rest).digest('hex') }],
  });
  expect(Buffer.concat([...files.values()]).toString()).not.toMatch(/u-2|canary of 2/);
  expect(await linkStateOf(api, id, first.id)).toBe('used');
  const { json } = await api.call('GET', `/v1/requests/${id}`);
  expect(json).toMatchObject({ archive: { removedSubjects: 1, rows: null, bytes: null, sha256: null, reason: null } });
  expect((await api.call('GET', `/v1/requests/${id}/receipt`)).json).toMatchObject({ subjects: 2, removedSubjects: 1 });
});

test('aborts a running download when a subject is removed, and its link downloads the rest', async () => {
  const large = [1, 2, 3].map(() => Buffer.from(`${randomBytes(1_500_000).toString('base64')}\n`));
  const { database, orchestrator } = api;
  const deps = { database, keys: KEYS, catalog: CATALOG, orchestrator, logger: pino({ level: 'silent' }), storage };
  const app = createApp({ ...deps, publicUrl: PUBLIC_URL, now: () => START, renewTransfersMs: 20 });
  const { id } = await makeReady(api, storage, await submitExport(api, [user('u-1')]), large);
  const link = await createLink(api, id);
  const answer = await app.request(link.path, { method: 'POST' }, { incoming: { socket: api.peer } });
  const reader = answer.body?.getReader();
  await reader?.read();
  await removeSubjects(id, 3);
  const reading = (async () => {
    while ((await reader?.read())?.done === false) await new Promise((resolve) => setTimeout(resolve, 20));
  })();
  await expect(reading).rejects.toThrow('the download was aborted');
  await waitUntil(async () => (await linkStateOf(api, id, link.id)) === 'open');
  const files = await filesOf(await download(link.path));
  expect(files.get('data/app/app.users.ndjson')?.equals(Buffer.concat(large.slice(0, 2)))).toBe(true);
});
