import { z } from '@hono/zod-openapi';
import { TASK_ID } from '../../../domain/ids.ts';
import { TASK_STATES, type TaskState } from '../../../domain/vocabulary.ts';
import { valuesDescription } from '../../openapi/descriptions.ts';
import { SAMPLE } from '../../openapi/samples.ts';
import { exactText, kind, listOf, pathId, requestId, text, timestamp } from '../../schemas.ts';

const STATE_MEANINGS: Readonly<Record<TaskState, string>> = {
  open: 'a person has to act.',
  done: 'a member said that it is done.',
  not_possible: 'a member said that it is not possible, for all or for some of the subjects, which are blocked.',
  closed: 'it is not needed any more, because the system was skipped or the subjects were cancelled.',
};

const AT = { opened: '2026-12-08T02:00:04.000Z', due: '2026-12-18T02:00:04.000Z' };

export const taskFields = {
  id: z.string().openapi({ description: 'ID of the task.', 'x-example': SAMPLE.task }),
  state: z.enum(TASK_STATES).openapi({ description: valuesDescription('State of the task.', STATE_MEANINGS) }),
  number: z.int().openapi({ description: 'Number of the subject in its request.', 'x-example': 1 }),
};

export const Task = z
  .strictObject({
    id: taskFields.id,
    system: z.string().openapi({ description: 'System in which the person acts.', 'x-example': 'partner' }),
    requestId: z
      .string()
      .openapi({ description: 'ID of the deletion that waits for it.', 'x-example': SAMPLE.request }),
    batch: z.int().openapi({ description: 'Number of the claimed batch.', 'x-example': 1 }),
    subjectKind: kind,
    subjects: z.int().openapi({ description: 'Number of subjects. `reveal` names them.', 'x-example': 2 }),
    instruction: z.string().openapi({
      description: 'What to do, from lethe.config.ts.',
      'x-example': 'Delete these 2 customers in the back office of the partner.',
    }),
    openedAt: timestamp.openapi({ description: 'Time at which the task was opened.', 'x-example': AT.opened }),
    dueAt: timestamp.openapi({
      description: 'Time until which it should be done: that of lethe.config.ts, or the deadline of the request.',
      'x-example': AT.due,
    }),
    overdue: z.boolean().openapi({ description: 'Whether it is open and `dueAt` is over.', 'x-example': false }),
    state: taskFields.state,
    notPossible: z.int().openapi({ description: 'Number of subjects for which it is not possible.', 'x-example': 0 }),
    reason: z.string().nullable().openapi({
      description: 'Why it is not possible. Null in other states.',
      'x-example': null,
    }),
    answeredAt: timestamp.nullable().openapi({ description: 'Time of the answer. Null before it.', 'x-example': null }),
    answeredBy: z
      .string()
      .nullable()
      .openapi({ description: 'ID of the member who answered. Null before the answer.', 'x-example': null }),
  })
  .openapi('Task');

const identityOf = (value: string) =>
  z.strictObject({
    type: z.string().openapi({ description: 'Identity type.', 'x-example': 'email' }),
    value: z.array(z.string()).openapi({ description: 'One text per column.', 'x-example': [value] }),
  });
const subjectOf = (value: string, description: string) =>
  z.strictObject({
    number: taskFields.number,
    identities: z.array(identityOf(value)).openapi({ description }),
  });

export const MaskedSubject = subjectOf(
  'a••@x••',
  'Identities of the subject, of which only first letters are shown. Empty once they are purged.',
).openapi('MaskedSubject');

export const RevealedSubject = subjectOf(
  'ann@x.test',
  'Identities of the subject by which the person finds it.',
).openapi('RevealedSubject');

export const filters = {
  state: z.enum(TASK_STATES).optional().openapi({ description: 'Matches tasks in this state.' }),
  system: exactText(200).optional().openapi({ description: 'Matches tasks in this system.' }),
  requestId: requestId.optional().openapi({ description: 'Matches tasks of this request.' }),
  overdue: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: '`true` matches open tasks whose time is over, `false` all others.' }),
};

export const NotPossible = z
  .strictObject({
    reason: text(500).openapi({
      description:
        'Why it is not possible. The task and the audit log keep it permanently, so it must not name a person.',
      example: 'The partner has closed the back office.',
    }),
    subjects: listOf(z.int().min(1).max(1_000_000_000), 10_000)
      .optional()
      .openapi({
        description:
          'Numbers of the subjects for which it is not possible, as `reveal` lists them. For all others it is done. Omit it if it is possible for none.',
        'x-example': [2],
      }),
  })
  .openapi('NotPossible');

export const taskParams = pathId(TASK_ID, 'the task', SAMPLE.task);
