import { z } from 'zod';
import { call } from '../client.ts';
import { paint } from '../follow.ts';
import type { Stack } from '../stack.ts';
import type { StandIns } from './stand-ins.ts';

const Task = z.object({ id: z.string(), state: z.string(), dueAt: z.string(), instruction: z.string() });
export type Task = z.output<typeof Task>;
const Tasks = z.object({ items: z.array(Task) });
const Identity = z.object({ type: z.string(), value: z.array(z.string()) });
type Identity = z.output<typeof Identity>;
const Revealed = z.object({
  items: z.array(z.object({ identities: z.array(Identity) })),
  nextCursor: z.string().nullable(),
});
const Answered = z.object({ state: z.string() });

/** The tasks that wait for a person, newest first. */
export const openTasks = async (stack: Stack, requestId: string): Promise<readonly Task[]> =>
  (await call(stack, Tasks, `/v1/tasks?state=open&requestId=${requestId}`)).items;

/** Does what a person does: reads the identities, deletes the people in the back office, and says that it is done. */
export async function doTask(stack: Stack, standIns: StandIns, { id }: Task): Promise<void> {
  const wanted: Identity[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const revealed: z.output<typeof Revealed> = await post(stack, Revealed, `/v1/tasks/${id}/reveal${page}`);
    wanted.push(...revealed.items.flatMap(({ identities }) => identities));
    cursor = revealed.nextCursor;
  }
  standIns.deleteAtPartner(wanted);
  await post(stack, Answered, `/v1/tasks/${id}/done`);
}

const post = <Schema extends z.ZodType>(stack: Stack, schema: Schema, path: string): Promise<z.output<Schema>> =>
  call(stack, schema, path, { method: 'POST' });

export const explainTask = (task: Task, environmentFile: string, answerInMs: number): readonly string[] => [
  paint('bold', 'The partner has no API, so Lethe has opened a task for a person:'),
  `  ${task.instruction}`,
  'What this person calls, in another terminal, in this folder:',
  '',
  `  source ${environmentFile}; AUTH="Authorization: Bearer $LETHE_TOKEN"`,
  '  curl -sS "$LETHE_URL/v1/tasks?state=open" -H "$AUTH" | jq',
  `  TASK=$LETHE_URL/v1/tasks/${task.id}`,
  `  curl -sS -X POST $TASK/reveal -H "$AUTH" | jq   ${paint('dim', '# the identities')}`,
  '  curl -sS -X POST $TASK/done -H "$AUTH"',
  '',
  paint('dim', `Unless you do it first, the demo does the same in ${Math.ceil(answerInMs / 1_000)} seconds.`),
  '',
];
