import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readReceipt } from '../../db/read-receipt.ts';
import { allows } from '../auth.ts';
import { answer, problems } from '../contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { instant, requestParams } from '../schemas.ts';

const counts = z.record(z.string(), z.int());
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

const Receipt = z
  .object({
    requestId: z.string(),
    kind: z.literal('deletion'),
    subjectKind: z.string(),
    project: z.string(),
    regulation: z.string(),
    scope: z.string(),
    status: z.string(),
    final: z.boolean().openapi({ description: 'False while subjects are held, waiting or being deleted.' }),
    receivedAt: instant,
    dueAt: instant,
    concludedAt: instant.nullable(),
    submitted: z.int(),
    subjects: counts,
    outcomes: counts,
    processors: list(
      z.object({
        processor: z.string(),
        state: z.string(),
        verifiedAt: instant.nullable(),
        skipReason: z.string().nullable().openapi({ description: 'Why an operator ended the request without it.' }),
        survivors: z.int().nullable().openapi({ description: 'Null where nobody could read it: unknown is not zero.' }),
        tables: list(
          z.object({
            table: z.string(),
            removed: z.int(),
            blanked: z.int().openapi({
              description: 'Of scope `categories` or `sources`: rows that stay, emptied of what it means.',
            }),
            retained: list(z.object({ basis: z.string(), count: z.int() })),
          }),
        ),
      }),
    ),
    unverified: list(z.object({ processor: z.string(), level: z.string(), saidAt: instant.nullable() })),
    limits: list(z.string()),
  })
  .openapi('Receipt');

const route = createRoute({
  operationId: 'readReceipt',
  ...allows({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/receipt',
  summary: 'The evidence: what was removed, what was kept and why, and what was looked for again and not found.',
  request: { params: requestParams },
  responses: {
    200: answer(Receipt, 'Final once the request has ended; before that an interim one.'),
    ...problems('request_not_found', 'no_receipt_yet'),
  },
});

export const receipt = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    return c.json(await readReceipt(deps.database, c.req.valid('param').id), 200);
  });
