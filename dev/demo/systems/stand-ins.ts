import { startMixpanel, MIXPANEL } from '../../../test/support/servers/stand-ins/mixpanel.ts';
import type { Clock } from '../../../test/support/servers/stand-ins/server/clock.ts';
import { startUserpilot, USERPILOT } from '../../../test/support/servers/stand-ins/userpilot.ts';
import { assertPortFree } from '../../embedded/ports.ts';
import type { DemoData } from '../data/generate.ts';
import { type Beside, preferredPort, type Reporter } from '../stack.ts';
import { openStore, type Person, readPeople } from './state.ts';

/** Mixpanel takes hours for a task, here seconds. */
const STAGES = { stagingMs: 2_000, startedMs: 4_000, doneMs: 8_000 };
/** Userpilot deletes at 02:00 UTC. An hour of its clock takes a second. */
const USERPILOT_SPEED = 3_600;

/** The systems beside the database, and what they hold without Lethe's code. */
export interface StandIns extends Beside {
  readonly people: readonly Person[];
  /** The user ids that each system still holds. */
  present(): Readonly<Record<OtherSystem, ReadonlySet<string>>>;
  /** The state of Mixpanel's newest task for one of these users, or null before the first. */
  mixpanelTask(userIds: readonly string[]): string | null;
  userpilotClock(): { readonly now: Date; readonly isRunDue: boolean };
  /** What a person does in the back office: deletes the people with these identities. */
  deleteAtPartner(identities: readonly { readonly type: string; readonly value: readonly string[] }[]): void;
}
export const OTHER_SYSTEMS = ['mixpanel', 'userpilot', 'partner'] as const;
export type OtherSystem = (typeof OTHER_SYSTEMS)[number];

export async function startStandIns(
  folder: string,
  { data, demoUrl }: { readonly data: DemoData; readonly demoUrl: string },
  { report, begin }: Reporter,
): Promise<StandIns> {
  begin('the systems beside the database');
  const { people, state, change } = await openStore(folder, data, async () => ({
    people: await readPeople(demoUrl),
    since: Date.now(),
    ports: { mixpanel: await preferredPort(8181), userpilot: await preferredPort(8182) },
  }));
  const { ports, since } = state;
  // An open batch knows the address of its system, so the ports stay.
  await assertPortFree(ports.mixpanel, 'Mixpanel');
  await assertPortFree(ports.userpilot, 'Userpilot');
  const clock: Clock = { now: () => since + (Date.now() - since) * USERPILOT_SPEED };
  const mixpanel = await startMixpanel({
    people: people.map(({ xngId: id, email }) => ({ id, email })),
    port: ports.mixpanel,
    stages: STAGES,
    tasks: state.tasks,
    onTask: (tasks) => change({ tasks: tasks.map((task) => ({ ...task, ids: [...task.ids] })) }),
  });
  const userpilot = await startUserpilot({
    people: people.map(({ userId: id, email }) => ({ id, email })),
    port: ports.userpilot,
    clock,
    scheduled: state.scheduled,
    onSchedule: (scheduled) => change({ scheduled: scheduled.map((each) => ({ ...each, ids: [...each.ids] })) }),
  });
  report(`Mixpanel     ${mixpanel.url}, a stand-in whose tasks take ${STAGES.doneMs / 1_000} seconds`);
  report(`Userpilot    ${userpilot.url}, a stand-in that deletes at 02:00 of its clock, an hour per second`);
  report('Partner      a back office without an API: a person deletes in it');
  const userIdOf = new Map(people.map(({ xngId, userId }) => [xngId, userId]));
  return {
    people,
    environment: {
      DEMO_MIXPANEL_URL: mixpanel.url,
      DEMO_MIXPANEL_TOKEN: MIXPANEL.gdprToken,
      DEMO_MIXPANEL_PROJECT: MIXPANEL.projectToken,
      DEMO_USERPILOT_URL: userpilot.url,
      DEMO_USERPILOT_KEY: USERPILOT.apiKey,
    },
    stop: async () => void (await Promise.all([mixpanel.close(), userpilot.close()])),
    present: () => {
      const deleted = new Set(state.deletedByPartner);
      return {
        mixpanel: new Set(mixpanel.present().flatMap((id) => userIdOf.get(id) ?? [])),
        userpilot: new Set(userpilot.present()),
        partner: new Set(people.flatMap(({ userId }) => (deleted.has(userId) ? [] : [userId]))),
      };
    },
    mixpanelTask: (userIds) => {
      const ids = new Set(people.flatMap(({ userId, xngId }) => (userIds.includes(userId) ? [xngId] : [])));
      const task = mixpanel.tasks.findLast((each) => each.ids.some((id) => ids.has(id)));
      return task === undefined ? null : mixpanel.stateOf(task.id);
    },
    userpilotClock: () => {
      userpilot.present();
      return { now: new Date(clock.now()), isRunDue: userpilot.scheduled.some(({ isDone }) => !isDone) };
    },
    deleteAtPartner: (identities) => {
      const wanted = new Set(identities.map(({ type, value }) => keyOf(type, value)));
      const found = people.filter(
        ({ userId, email, businessUnit }) =>
          wanted.has(keyOf('user_id', [userId])) || wanted.has(keyOf('email', [email, businessUnit])),
      );
      change({ deletedByPartner: [...state.deletedByPartner, ...found.map(({ userId }) => userId)] });
    },
  };
}

const keyOf = (type: string, parts: readonly string[]): string =>
  JSON.stringify([type, ...parts.map((part) => part.toLowerCase())]);
