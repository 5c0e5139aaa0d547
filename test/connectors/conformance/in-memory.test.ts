import { type MemoryOptions, memorySystem } from '../../support/world/memory-system.ts';
import { type Candidate, testConformance } from '../conformance.ts';

const PEOPLE = ['ann-person', 'bob-person', 'stayer'];

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
    const rowsOf = (filter: (userId: string) => boolean) =>
      [...system.people].filter(([, { userId }]) => filter(userId)).map(([id, person]) => ({ id, ...person }));
    const isLeaver = (userId: string): boolean => userId !== 'stayer';
    return {
      connector: system.definition.open({ system: 'memory', secret: () => '' }),
      subjects: PEOPLE.slice(0, 2).map((person) => [{ type: 'user_id', value: [person] }]),
      unknownSubject: [{ type: 'user_id', value: ['unknown-person'] }],
      allRows: async () => rowsOf(() => true),
      rowsOfOtherSubjects: async () => rowsOf((userId) => !isLeaver(userId)),
      async isPresent(subject) {
        // What the system has only accepted is deleted by now.
        system.settle();
        return rowsOf((userId) => userId === PEOPLE[subject]).length > 0;
      },
      settle: async () => system.settle(),
      isHidden: async (subject) => rowsOf((userId) => userId === PEOPLE[subject]).some(({ hidden }) => hidden),
      insertLateRow: async () => void system.people.set('foreign-9', { userId: 'ann-person', hidden: false, rows: 1 }),
      failCall: (calls, when) => system.failCall(calls, when),
      confidential: ['foreign-', 'task-'],
      close: async () => {},
    };
  });
}
