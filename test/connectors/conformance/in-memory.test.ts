import { type MemoryOptions, memorySystem } from '../../support/world/memory-system.ts';
import { type Candidate, testConformance } from '../conformance.ts';

const PEOPLE = ['ann@x.test', 'bob@x.test', 'stayer@x.test'];

/** Systems like those behind HTTP APIs: they delete later, tell nothing, or find what they have deleted for a while. */
const SYSTEMS: Readonly<Record<string, MemoryOptions>> = {
  'a system that deletes one person a call': { deletes: 'people', batchSize: 1 },
  'a system whose searches lag behind': { deletes: 'people', batchSize: 2, lags: true },
  'a system that attests its tasks': { deletes: 'tasks', batchSize: 1, attests: true },
  'a system that only accepts': { deletes: 'tasks', batchSize: 2 },
};

for (const [name, options] of Object.entries(SYSTEMS)) {
  const { description } = { description: memorySystem([], options).definition.describe() };
  testConformance(name, { description, ordersVisibility: false }, async (): Promise<Candidate> => {
    const system = memorySystem(PEOPLE, options);
    const rowsOf = (filter: (email: string) => boolean) =>
      [...system.people].filter(([, { email }]) => filter(email)).map(([id, person]) => ({ id, ...person }));
    const isLeaver = (email: string): boolean => email !== 'stayer@x.test';
    return {
      connector: system.definition.open({ system: 'memory', secret: () => '' }),
      subjects: ['ann', 'bob'].map((person) => [{ type: 'email', value: [`${person}@x.test`] }]),
      unknownSubject: [{ type: 'email', value: ['unknown@x.test'] }],
      allRows: async () => rowsOf(() => true),
      rowsOfOtherSubjects: async () => rowsOf((email) => !isLeaver(email)),
      async isPresent(subject) {
        // What the system has only accepted is deleted by now.
        system.settle();
        return rowsOf((email) => email === PEOPLE[subject]).length > 0;
      },
      settle: async () => system.settle(),
      isHidden: async (subject) => rowsOf((email) => email === PEOPLE[subject]).some(({ hidden }) => hidden),
      insertLateRow: async () => void system.people.set('foreign-9', { email: 'ann@x.test', hidden: false, rows: 1 }),
      failCall: (calls, when) => system.failCall(calls, when),
      confidential: ['foreign-', 'task-'],
      close: async () => {},
    };
  });
}
