import { LONGEST_SETTLE, localDefinition, NAMES, PEOPLE, SECRETS, SYSTEMS } from './systems.ts';
import { startMixpanel } from '../../support/servers/stand-ins/mixpanel.ts';
import { type Candidate, testConformance } from '../conformance.ts';

/** The suite knows no limits, so a minute passes with each call. */
const walkingClock = (start = Date.parse('2026-02-01T00:00:00Z')) => {
  let now = start;
  return { now: () => (now += 20_000), advance: (ms: number) => void (now += ms) };
};

for (const name of NAMES) {
  const system = SYSTEMS[name];
  const { identity } = system;
  const textOf = (person: (typeof PEOPLE)[number] | undefined): string =>
    (identity === 'email' ? person?.email : person?.id) ?? '';
  const description = localDefinition(name, 'https://system.test').describe();

  testConformance(
    `the connector of ${name}`,
    { description, ordersVisibility: false },
    async (): Promise<Candidate> => {
      const clock = walkingClock();
      const options = { people: PEOPLE, clock };
      // A retrieval is ready at once, because the suite keeps nothing between two exports.
      const stages = { stagingMs: 0, startedMs: 0, doneMs: 0 };
      const standIn = await (name === 'mixpanel' ? startMixpanel({ ...options, stages }) : system.start(options));
      const connector = localDefinition(name, standIn.url).open({
        system: 'demo/x',
        secret: ({ env }) => SECRETS[env] ?? '',
      });
      const settle = async (): Promise<void> => clock.advance(LONGEST_SETTLE);
      const [first, second, unknown] = [PEOPLE[0], PEOPLE[1], 'unknown@x.test'];
      return {
        connector,
        subjects: [first, second].map((person) => [{ type: identity, value: [textOf(person)] }]),
        unknownSubject: [{ type: identity, value: [unknown] }],
        ownTexts: [textOf(first), textOf(second)],
        allRows: async () => standIn.present(),
        rowsOfOtherSubjects: async () => standIn.present().filter((id) => id !== first?.id && id !== second?.id),
        isPresent: async (subject) => {
          await settle();
          return standIn.present().includes(PEOPLE[subject]?.id ?? '');
        },
        settle,
        insertLateRow: async () => {
          await settle();
          if (first !== undefined) standIn.add(first);
        },
        failCall: (calls, when) => {
          standIn.faults.at(calls + 1, { kind: when === 'before' ? 'refuse' : 'lost' });
          return { wasReached: () => standIn.calls.some(({ fault }) => fault !== null) };
        },
        confidential: [...Object.values(SECRETS), 'canary', 'cus_'],
        close: async () => {
          await connector.close();
          await standIn.close();
        },
      };
    },
  );
}
