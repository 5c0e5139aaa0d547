import type { Batch, Connector } from '../../../connectors/connector.ts';
import { manual, type ManualSettings, openManual } from '../../../connectors/manual/index.ts';
import type { NewTask, Task, Tasks } from '../../../domain/tasks/task.ts';
import { user } from '../../support/ledger.ts';
import { testConformance } from '../conformance.ts';

const settings: ManualSettings = {
  erase: 'Delete them.',
  kinds: { user: { identities: { user_id: {} } } },
  within: '5 days',
};

/** A back office of three customers, and the person who works there. test/db/tasks/ tests the tasks of the ledger. */
function backOffice() {
  const customers = new Set(['u-1', 'u-2', 'u-10']);
  const tasks = new Map<string, NewTask & { state: Task['state']; answeredAt: Date | null }>();
  const seqsOf = ({ firstSeq, lastSeq, except }: NewTask): number[] =>
    Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => firstSeq + index).filter(
      (seq) => !except.includes(seq),
    );
  const port: Tasks = {
    async open(task) {
      const id = `${task.requestId} ${task.batch} ${task.pass} ${task.firstSeq} ${task.except.join()}`;
      if (!tasks.has(id)) tasks.set(id, { ...task, state: 'open', answeredAt: null });
      return id;
    },
    async read(id) {
      const task = tasks.get(id);
      if (task === undefined) throw new Error('no such task');
      const dueAt = new Date(task.at.getTime() + task.withinMs);
      return {
        state: task.state,
        dueAt,
        seqs: seqsOf(task),
        notPossible: [],
        isWhole: true,
        answeredAt: task.answeredAt,
      };
    },
    remind: async () => {},
  };
  const batches = new Map<string, Batch>();
  const connector = openManual(settings, { system: 'demo/partner', secret: () => '', tasks: port });
  return {
    customers,
    connector: {
      ...connector,
      hardDelete: (batch, ...more) => (batches.set(batch.requestId, batch), connector.hardDelete(batch, ...more)),
    } satisfies Connector,
    /** The person does what the open tasks ask for. */
    async work(): Promise<void> {
      for (const task of tasks.values()) {
        const batch = batches.get(task.requestId);
        if (task.state !== 'open' || batch === undefined) continue;
        for await (const page of batch.identities())
          for (const { seq, identity } of page) if (seqsOf(task).includes(seq)) customers.delete(identity.value.join());
        Object.assign(task, { state: 'done', answeredAt: task.at });
      }
    },
  };
}

testConformance('manual', { description: manual(settings).describe() }, async () => {
  const { customers, connector, work } = backOffice();
  return {
    connector,
    subjects: [[user('u-1')], [user('u-2')]],
    unknownSubject: [user('unknown')],
    allRows: async () => [...customers],
    rowsOfOtherSubjects: async () => [...customers].filter((name) => name === 'u-10'),
    isPresent: async (subject) => customers.has(`u-${subject + 1}`),
    settle: work,
    close: async () => {},
  };
});
