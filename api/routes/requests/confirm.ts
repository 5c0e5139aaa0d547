import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import type { RequestStatus } from '../../../db/requests/read.ts';
import { withActiveToken } from '../../../db/members/authorized-transaction.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const SystemCount = z.strictObject({
  system: fields.system,
  tables: z
    .array(z.strictObject({ table: fields.table, rows: z.int().openapi({ description: 'Number of rows.' }) }))
    .nullable()
    .openapi({ description: 'Rows per table. Null if the system cannot count.' }),
});

export const Confirmation = z
  .strictObject({
    needs: z.enum(['member', 'another_owner']).openapi({
      description:
        'Who can confirm: any member with `write` access (`member`), or an owner other than the submitter (`another_owner`).',
    }),
    until: timestamp.nullable().openapi({
      description:
        'Time at which the confirmation expires: three days after the count. Null until the count is complete.',
    }),
    subjects: z.int().nullable().openapi({
      description:
        'Number to send as `expectedCount`, or the confirmed number. Subjects of identities that no system knows are not part of it. Null until every system was searched for them.',
    }),
    counts: z
      .array(SystemCount)
      .openapi({ description: 'Rows that each system counted. Subjects cancelled since then are included.' }),
    except: z
      .strictObject({
        submitted: z.int().openapi({ description: 'Number of submitted exceptions.' }),
        unmatched: z.array(z.int()).openapi({
          description: 'Positions of the exceptions that match no subject and therefore exclude none.',
        }),
      })
      .nullable()
      .openapi({ description: 'Exceptions of a deletion of everyone. Null without exceptions.' }),
    confirmedAt: timestamp.nullable().openapi({ description: 'Time of the confirmation. Null before.' }),
    confirmedBy: z.string().nullable().openapi({ description: 'ID of the member who confirmed. Null before.' }),
  })
  .openapi('Confirmation');

const NewConfirmation = z
  .strictObject({
    expectedCount: z.int().min(1).max(2_147_483_647).openapi({
      description: 'Number of subjects to delete: `confirmation.subjects` of the request.',
      'x-example': 2,
    }),
    acceptUnmatched: z
      .boolean()
      .default(false)
      .openapi({ description: 'Confirms although some exceptions match no subject.' }),
  })
  .openapi('NewConfirmation');

const Confirmed = z
  .strictObject({
    id: fields.id,
    subjects: z.int().openapi({ description: 'Number of confirmed subjects.', 'x-example': 2 }),
    attached: z.int().openapi({
      description: 'Number of confirmed subjects that another open deletion owns. They share its outcome.',
    }),
    hardDeleteAt: fields.hardDeleteAt.openapi({
      description: 'Run from which subjects may be claimed. The grace period starts with the confirmation.',
    }),
    cancellableUntil: fields.cancellableUntil,
    estimatedCompletionAt: fields.estimatedCompletionAt,
  })
  .openapi('Confirmed');

const route = createRoute({
  operationId: 'confirmRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/confirm',
  summary: 'Confirm a deletion',
  description:
    'Confirms a deletion that was submitted with `confirm` and has status `awaiting_confirmation`. The subjects are soft-deleted and the grace period starts: the status changes to `grace`. A deletion of everyone requires an owner other than the submitter, who was a member at the time of the submission. Nothing changes if `expectedCount` differs from the current number of subjects (`count_moved`).',
  request: { params: requestParams, ...body(NewConfirmation) },
  responses: {
    202: jsonResponse(Confirmed, 'Accepted. Soft deletion runs asynchronously.'),
    ...problemResponsesWithBody(
      'request_not_found',
      'wrong_kind',
      'needs_another_owner',
      'not_awaiting_confirmation',
      'confirmation_expired',
      'count_moved',
      'unmatched_exceptions',
      'subject_conflict',
    ),
  },
});

export const confirm = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const caller = c.get('caller');
    const project = requireOwnProject(deps, caller);
    const confirmation = { requestId, ...c.req.valid('json'), by: caller, at: deps.now() };
    const { subjects, attached, hardDeleteAt, estimatedCompletionAt, wake } = await withActiveToken(
      deps.database,
      caller,
      (tx) => confirmRequest(tx, project, confirmation),
    );
    for (const id of wake) await deps.orchestrator.signalConfirmed(id, project.name);
    return c.json(
      {
        id: requestId,
        subjects,
        attached,
        hardDeleteAt,
        cancellableUntil: hardDeleteAt,
        estimatedCompletionAt,
      },
      202,
    );
  });

/** What a member needs to know before confirming, and who confirmed. Null for a request without `confirm`. */
export function confirmationResponse(status: RequestStatus) {
  if (!status.confirm) return null;
  const proposed = status.resolvedAt === null || status.unknownSubjects > 0 ? null : (status.states.proposed ?? 0);
  return {
    needs: status.selection === 'everyone' ? ('another_owner' as const) : ('member' as const),
    until: status.confirmBy,
    subjects: status.confirmedCount ?? proposed,
    counts: status.counts.map(({ system, tables }) => ({
      system,
      tables: tables?.map(({ table, rows }) => ({ table, rows })) ?? null,
    })),
    except: status.excepted === 0 ? null : { submitted: status.excepted, unmatched: [...status.unmatched] },
    confirmedAt: status.confirmedAt,
    confirmedBy: status.confirmedBy,
  };
}
