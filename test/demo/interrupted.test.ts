import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openStore, type Person, type Store } from '../../dev/demo/systems/state.ts';
import { MIXPANEL, startMixpanel } from '../support/servers/stand-ins/mixpanel.ts';
import { DAY, HOUR, testClock } from '../support/servers/stand-ins/server/clock.ts';
import { startUserpilot, USERPILOT } from '../support/servers/stand-ins/userpilot.ts';

/** What the systems beside the database remember when the demo is killed: the folder is all that is left. */
const folder = mkdtempSync(join(tmpdir(), 'lethe-demo-'));
afterAll(() => rmSync(folder, { recursive: true }));

const people: readonly Person[] = ['1', '2', '3'].map((n) => ({
  userId: `u-${n}`,
  xngId: `x-${n}`,
  email: `${n}@example.test`,
  businessUnit: 'oslo',
}));
let created = 0;
const open = (seed = 1): Promise<Store> =>
  openStore(folder, { scale: 1, seed }, async () => {
    created += 1;
    return { people, since: 1, ports: { mixpanel: 1, userpilot: 2 } };
  });
const clock = testClock();
const present = people.map(({ userId }) => ({ id: userId }));

async function startBoth({ state, change }: Store) {
  const mixpanel = await startMixpanel({
    people: present,
    clock,
    tasks: state.tasks,
    onTask: (tasks) => change({ tasks: tasks.map((task) => ({ ...task, ids: [...task.ids] })) }),
  });
  const userpilot = await startUserpilot({
    people: present,
    clock,
    scheduled: state.scheduled,
    onSchedule: (scheduled) => change({ scheduled: scheduled.map((each) => ({ ...each, ids: [...each.ids] })) }),
  });
  return { mixpanel, userpilot, close: () => Promise.all([mixpanel.close(), userpilot.close()]) };
}

const json = (method: string, authorization: string, body: object) => ({
  method,
  headers: { authorization, 'x-api-version': '2020-09-22', 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('continues the work of the stand-ins from the state that was stored before each answer', async () => {
  const first = await startBoth(await open());
  const task = json('POST', `Bearer ${MIXPANEL.gdprToken}`, { distinct_ids: ['u-1'] });
  await fetch(`${first.mixpanel.url}/api/app/data-deletions/v3.0/?token=${MIXPANEL.projectToken}`, task);
  await fetch(`${first.userpilot.url}/v1/users`, json('DELETE', `Token ${USERPILOT.apiKey}`, { users: ['u-2'] }));
  const id = first.mixpanel.tasks[0]?.id ?? '';
  await first.close();

  clock.advance(HOUR);
  const second = await startBoth(await open());
  expect(second.mixpanel.stateOf(id)).toBe('STAGING');
  expect(second.userpilot.scheduled.map(({ isDone }) => isDone)).toEqual([false]);
  expect([second.mixpanel.present(), second.userpilot.present()]).toEqual([
    ['u-1', 'u-2', 'u-3'],
    ['u-1', 'u-2', 'u-3'],
  ]);
  clock.advance(DAY);
  expect(second.mixpanel.stateOf(id)).toBe('SUCCESS');
  expect([second.mixpanel.present(), second.userpilot.present()]).toEqual([
    ['u-2', 'u-3'],
    ['u-1', 'u-3'],
  ]);
  await second.close();

  const third = await startBoth(await open());
  expect([third.mixpanel.present(), third.userpilot.present()]).toEqual([
    ['u-2', 'u-3'],
    ['u-1', 'u-3'],
  ]);
  await third.close();
  expect(created).toBe(1);
});

test('starts the stand-ins with new people when the demo has other data', async () => {
  const { change } = await open();
  change({ deletedByPartner: ['u-1'] });
  expect((await open()).state.deletedByPartner).toEqual(['u-1']);
  const before = created;
  expect((await open(2)).state).toMatchObject({ deletedByPartner: [], tasks: [], scheduled: [] });
  expect(created).toBe(before + 1);
  expect(JSON.parse(readFileSync(join(folder, 'people.json'), 'utf8'))).toEqual(people);
});
