import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../../../domain/calendar.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import { archiveFiles } from '../../support/world/archives.ts';
import { user } from '../../support/ledger.ts';
import { addUser } from '../../support/world/users.ts';
import { nowOf } from '../../support/world/actions.ts';
import { timeSkipping } from '../../support/servers/temporal.ts';
import { startWorld, type World } from '../../support/world/world.ts';
import { waitForStatus, submitExport } from '../export/exporting.ts';

// Tests exports under CCPA, from acceptance to the bytes of the download.
let world: World;
beforeAll(async () => {
  world = await startWorld(await timeSkipping(), { demo: {} });
  await addUser(world.app, 'canary-user', { events: 0 });
  await world.app`UPDATE app.users SET name = 'canary-name' WHERE user_id = 'canary-user'`;
  const now = await nowOf(world);
  for (const days of [364, 366]) {
    const at = new Date(now.getTime() - days * DAY_MS);
    await world.app`INSERT INTO app.events VALUES (nextval('app.test_events'), 'canary-user', ${at}, ${`canary-event-${days}`},
      '10.1.2.3', ${`canary-sdk-${days}`}, ${`canary-utm-${days}`})`;
  }
});
afterAll(async () => world.close());

/** The files of the archive by path, as a caller downloads them. */
async function archiveOf(regulation: string, scope: Scope): Promise<ReadonlyMap<string, Buffer>> {
  const requestId = await submitExport(world, 'demo', [user('canary-user')], { regulation, scope });
  await waitForStatus(world, requestId, 'ready');
  return archiveFiles(world, requestId);
}
const textOf = (files: ReadonlyMap<string, Buffer>): string => [...files.values()].join('\n');
const findCanaries = (files: ReadonlyMap<string, Buffer>): string[] =>
  [...new Set(textOf(files).match(/canary-(event|sdk|utm|name)[\w-]*/g))].toSorted();

test('excludes rows older than twelve months under CCPA and includes them under another regulation', async () => {
  const recent = ['canary-event-364', 'canary-name', 'canary-sdk-364', 'canary-utm-364'];
  expect(findCanaries(await archiveOf('ccpa', 'data'))).toEqual(recent);
  const older = ['canary-event-366', 'canary-sdk-366', 'canary-utm-366'];
  expect(findCanaries(await archiveOf('gdpr', 'data'))).toEqual([...recent, ...older].toSorted());
});

test('contains column names and no value of any row when the scope is categories', async () => {
  const files = await archiveOf('ccpa', 'categories');
  expect([...files.keys()]).toEqual(['index.html', 'manifest.json']);
  expect(textOf(files)).not.toMatch(/canary|10\.1\.2\.3|berlin/);
  expect(textOf(files)).toContain('utm_source');
});

test('contains only the source columns of the data map when the scope is sources', async () => {
  const files = await archiveOf('ccpa', 'sources');
  expect([...files.keys()]).toEqual(['data/app/app.events.ndjson', 'index.html', 'manifest.json']);
  expect(String(files.get('data/app/app.events.ndjson'))).toBe(
    '{"ip":"10.1.2.3","sdk":"canary-sdk-364","utm_source":"canary-utm-364"}\n',
  );
  expect(findCanaries(files)).toEqual(['canary-sdk-364', 'canary-utm-364']);
});
