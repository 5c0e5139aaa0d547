import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { answerTask, type TaskAnswer, taskNotFound } from '../../../db/tasks/answer.ts';
import { listTasks, readTaskRow, type TaskRow } from '../../../db/tasks/list.ts';
import { listTaskSubjects, readTaskNumbers, revealTaskSubjects, type TaskSubject } from '../../../db/tasks/subjects.ts';
import { TASK_ID } from '../../../domain/ids.ts';
import { mask } from '../../../domain/tasks/mask.ts';
import { requirePermission } from '../../auth.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { invalidRequest } from '../../http/validation-errors.ts';
import { encodeIdCursor, encodePositionCursor, parseIdCursor, parsePositionCursor } from '../../lists/cursor.ts';
import { createPage, pageSchema } from '../../lists/page.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../../openapi/contract.ts';
import { cursor, limit, projectName } from '../../schemas.ts';
import { filters, MaskedSubject, NotPossible, RevealedSubject, Task, taskFields, taskParams } from './schema.ts';

const pageQuery = z.strictObject({ limit, cursor });

const listRoute = createRoute({
  operationId: 'listTasks',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/tasks',
  summary: 'List tasks',
  description:
    'Returns the tasks of the project that match every filter, newest first. A task asks a person to delete subjects in a system without an API. The list contains no identity.',
  request: { query: z.strictObject({ project: projectName.optional(), ...filters, limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Task), 'One page of tasks.', ['Link']),
    ...problemResponses('project_not_found', 'invalid_request'),
  },
});

const getRoute = createRoute({
  operationId: 'getTask',
  ...requirePermission({ access: 'read', kind: 'deletion' }),
  method: 'get',
  path: '/tasks/{id}',
  summary: 'Get a task',
  description:
    'Returns the task and a page of its subjects, whose identities are masked. `POST /v1/tasks/{id}/reveal` returns the identities.',
  request: { params: taskParams, query: pageQuery },
  responses: {
    200: jsonResponse(
      z.strictObject({ ...Task.shape, ...pageSchema(MaskedSubject).shape }).openapi('TaskWithSubjects'),
      'The task.',
      ['Link'],
    ),
    ...problemResponses('task_not_found', 'invalid_request'),
  },
});

const revealRoute = createRoute({
  operationId: 'revealTask',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/tasks/{id}/reveal',
  summary: 'Reveal the identities of a task',
  description:
    'Returns a page of the subjects with the identities by which the person finds them. The audit log records each call with the number of subjects. Returns `identities_purged` after the subjects are deleted everywhere and their identities are purged.',
  request: { params: taskParams, query: pageQuery },
  responses: {
    200: jsonResponse(pageSchema(RevealedSubject), 'One page of subjects.'),
    ...problemResponses('task_not_found', 'identities_purged', 'invalid_request'),
  },
});

const Answered = z.strictObject({ id: taskFields.id, state: taskFields.state });

const doneRoute = createRoute({
  operationId: 'completeTask',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/tasks/{id}/done',
  summary: 'Report that a task is done',
  description:
    'Says that the person has deleted all subjects of the task in the system. The deletion continues at once. Its receipt names the statement and the member. Idempotent. Returns `task_not_open` if the task ended otherwise.',
  request: { params: taskParams },
  responses: {
    200: jsonResponse(Answered, 'The task is done.'),
    ...problemResponses('task_not_found', 'task_not_open'),
  },
});

const notPossibleRoute = createRoute({
  operationId: 'declineTask',
  ...requirePermission({ access: 'write', kind: 'deletion' }),
  method: 'post',
  path: '/tasks/{id}/not-possible',
  summary: 'Report that a task is not possible',
  description:
    'Says that the person cannot delete the subjects, or some of them. They are blocked: `attention` of the request lists them with the ID of the task, and an operator cancels them, retries, which opens the task again, or skips the system. Idempotent. Returns `task_not_open` if the task ended otherwise.',
  request: { params: taskParams, ...body(NotPossible) },
  responses: {
    200: jsonResponse(Answered, 'The subjects are blocked.'),
    ...problemResponsesWithBody('task_not_found', 'task_not_open'),
  },
});

export const tasks = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { project: name, limit: size, cursor: from, overdue, ...filter } = c.req.valid('query');
      const project = requireOwnProject(deps, c.get('caller'), name).name;
      const after = parseIdCursor(from, TASK_ID);
      const at = deps.now();
      const matching = { ...filter, ...(overdue !== undefined && { overdue: overdue === 'true' }) };
      const rows = await listTasks(deps.database, { project, filter: matching, after, limit: size + 1, at });
      const { items, nextCursor } = createPage(c, rows, size, encodeIdCursor);
      return c.json({ items: items.map((row) => taskResponse(row, at)), nextCursor }, 200);
    })
    .openapi(getRoute, async (c) => {
      const { limit: size, cursor: from } = c.req.valid('query');
      const task = ownTask(c, c.req.valid('param').id);
      const row = await readTaskRow(deps.database, task.project, task.id);
      if (row === null) throw taskNotFound();
      const page = { ...task, after: parsePositionCursor(from), limit: size + 1 };
      const found = await listTaskSubjects(deps.database, page);
      const { items, nextCursor } = createPage(c, found, size, cursorOf);
      return c.json({ ...taskResponse(row, deps.now()), items: items.map(maskedResponse), nextCursor }, 200);
    })
    .openapi(revealRoute, async (c) => {
      const { limit: size, cursor: from } = c.req.valid('query');
      const { memberId: actor } = c.get('caller');
      const page = { ...ownTask(c, c.req.valid('param').id), after: parsePositionCursor(from) };
      const call = { ...page, limit: size, actor, at: deps.now() };
      const { subjects, hasMore } = await revealTaskSubjects(deps.database, call);
      const rows = subjects.map(subjectResponse);
      const last = rows.at(-1);
      return c.json({ items: rows, nextCursor: hasMore && last !== undefined ? cursorOf(last) : null }, 200);
    })
    .openapi(doneRoute, async (c) => {
      const task = ownTask(c, c.req.valid('param').id);
      return c.json(await answer(deps, c, { ...task, answer: { state: 'done' } }), 200);
    })
    .openapi(notPossibleRoute, async (c) => {
      const task = ownTask(c, c.req.valid('param').id);
      const { reason, subjects = null } = c.req.valid('json');
      if (subjects !== null) requireNumbers(subjects, await readTaskNumbers(deps.database, task));
      return c.json(await answer(deps, c, { ...task, answer: { state: 'not_possible', reason, subjects } }), 200);
    });

const cursorOf = ({ number }: Pick<TaskSubject, 'number'>): string => encodePositionCursor(number);

/** A malformed ID names no task, like an unknown one. */
function ownTask(c: Context<AppEnv>, id: string): { readonly project: string; readonly id: string } {
  if (!TASK_ID.test(id)) throw taskNotFound();
  return { project: c.get('caller').project, id };
}

async function answer(
  deps: ApiDeps,
  c: Context<AppEnv>,
  given: Pick<TaskAnswer, 'project' | 'id' | 'answer'>,
): Promise<z.infer<typeof Answered>> {
  const { wake } = await answerTask(deps.database, { ...given, actor: c.get('caller').memberId, at: deps.now() });
  await deps.orchestrator.signalRequests(wake);
  return { id: given.id, state: given.answer.state };
}

/** Throws `invalid_request` for numbers that the task does not have. */
function requireNumbers(given: readonly number[], known: readonly number[]): void {
  const numbers = new Set(known);
  const errors = given.flatMap((number, index) =>
    numbers.has(number)
      ? []
      : [
          {
            in: 'body' as const,
            pointer: `/subjects/${index}`,
            code: 'unknown_subject',
            detail: 'must be the number of a subject of the task',
          },
        ],
  );
  if (errors.length > 0) throw invalidRequest(errors);
}

const taskResponse = (row: TaskRow, at: Date) => ({ ...row, overdue: row.state === 'open' && row.dueAt <= at });

const subjectResponse = ({ number, identities }: TaskSubject) => ({
  number,
  identities: identities.map(({ type, value }) => ({ type, value: [...value] })),
});

const maskedResponse = ({ number, identities }: TaskSubject) => ({
  number,
  identities: identities.map(({ type, value }) => ({ type, value: value.map(mask) })),
});
