import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import type { RequestStatus } from '../../../db/requests/read.ts';
import { withActiveToken } from '../../../db/members/authorized-transaction.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../../deps.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const SystemCount = z.strictObject({
  system: z.string(),
  tables: z
    .array(z.strictObject({ table: z.string(), rows: z.int() }))
    .nullable()
    .openapi({ description: 'Null: the system cannot say.' }),
});

export const Confirmation = z
  .strictObject({
    needs: z
      .enum(['member', 'another_owner'])
      .openapi({ description: 'Any member who may write, or an owner other than the one who submitted it.' }),
    until: timestamp.nullable().openapi({ description: 'Three days after the count; null while it is still counted.' }),
    subjects: z
      .int()
      .nullable()
      .openapi({ description: 'The `expectedCount` that would be accepted now, or that was; null: not known yet.' }),
    counts: z
      .array(SystemCount)
      .openapi({ description: 'Rows as they were counted. Subjects that were cancelled since are not taken off.' }),
    except: z
      .strictObject({
        submitted: z.int(),
        unmatched: z.array(z.int()).openapi({
          description: 'Positions of the exceptions that matched nobody, once resolved: they spare nobody.',
        }),
      })
      .nullable(),
    confirmedAt: timestamp.nullable(),
    confirmedBy: z.string().nullable(),
  })
  .openapi('Confirmation');

const NewConfirmation = z
  .strictObject({
    expectedCount: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .openapi({ description: '`confirmation.subjects` of the request, as you saw it.', 'x-example': 2 }),
    acceptUnmatched: z
      .boolean()
      .default(false)
      .openapi({ description: 'Needed where an exception matched nobody, and so spares nobody.' }),
  })
  .openapi('NewConfirmation');

const Confirmed = z
  .strictObject({
    id: fields.id,
    subjects: z.int().openapi({ 'x-example': 2 }),
    attached: z.int().openapi({ description: 'Of them, those that another open deletion has come to own meanwhile.' }),
    hardDeleteAt: fields.hardDeleteAt.openapi({ description: 'The grace period runs from the confirmation.' }),
    cancellableUntil: fields.cancellableUntil,
    estimatedCompletionAt: fields.estimatedCompletionAt,
  })
  .openapi('Confirmed');

const route = createRoute({
  operationId: 'confirmRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/confirm',
  summary: 'Say that so many subjects are meant: only then are they hidden and deleted.',
  request: { params: requestParams, ...body(NewConfirmation) },
  responses: {
    202: jsonResponse(Confirmed, 'Written; hiding follows.'),
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
    const project = ownProject(deps, caller);
    const confirmation = { requestId, ...c.req.valid('json'), by: caller, at: deps.now() };
    const { subjects, attached, hardDeleteAt, estimatedCompletionAt, wake } = await withActiveToken(
      deps.database,
      caller,
      (tx) => confirmRequest(tx, project, confirmation),
    );
    await deps.orchestrator.wake(wake);
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

/** What a member has to know before confirming, and afterwards who confirmed. Null where no confirmation was asked for. */
export function confirmationResponse(status: RequestStatus) {
  if (!status.confirm) return null;
  const waiting = status.resolvedAt === null ? null : (status.states.proposed ?? 0);
  return {
    needs: status.selection === 'everyone' ? ('another_owner' as const) : ('member' as const),
    until: status.confirmBy,
    subjects: status.confirmedCount ?? waiting,
    counts: status.counts.map(({ system, tables }) => ({
      system,
      tables: tables?.map(({ table, rows }) => ({ table, rows })) ?? null,
    })),
    except: status.excepted === 0 ? null : { submitted: status.excepted, unmatched: [...status.unmatched] },
    confirmedAt: status.confirmedAt,
    confirmedBy: status.confirmedBy,
  };
}
