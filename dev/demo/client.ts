import { z } from 'zod';
import type { Stack } from './stack.ts';

/** The demo calls the public API. Each schema holds only the fields that the demo shows. */
export const Status = z.object({
  status: z.string(),
  hardDeleteAt: z.string(),
  heldSubjects: z.number(),
  attention: z.array(z.object({ system: z.string(), code: z.string() })),
});
export type Status = z.output<typeof Status>;

export const Progress = z.object({
  batches: z.array(
    z.object({
      system: z.string(),
      state: z.string(),
      subjects: z.number(),
      finished: z.number(),
      removed: z.number().nullable(),
    }),
  ),
  live: z
    .object({
      waitingFor: z.string().nullable(),
      activities: z.array(z.object({ system: z.string().nullable(), activity: z.string(), attempt: z.number() })),
    })
    .nullable(),
});

export type Progress = z.output<typeof Progress>;

const TableFigures = z.object({
  table: z.string(),
  removed: z.number(),
  retained: z.array(z.object({ basis: z.string(), rows: z.number() })),
  detached: z.number(),
  anonymised: z.object({ rows: z.number(), columns: z.array(z.string()) }),
});
export type TableFigures = z.output<typeof TableFigures>;

export const Receipt = z.object({
  status: z.string(),
  outcomes: z.record(z.string(), z.number()),
  systems: z.array(
    z.object({
      system: z.string(),
      verifiedAt: z.string().nullable(),
      survivors: z.number().nullable(),
      tables: z.array(TableFigures),
    }),
  ),
});
export type Receipt = z.output<typeof Receipt>;

/** One page of the submitted identities, with the rows kept of their subjects. */
export const Subjects = z.object({
  items: z.array(z.object({ outcome: z.string().nullable(), retained: z.array(z.object({ rows: z.number() })) })),
});

const Requests = z.object({ items: z.array(z.object({ id: z.string(), concludedAt: z.string().nullable() })) });

/** Deletions that are due and still run by themselves: neither held nor in need of a confirmation or an operator. */
export async function overdueDeletions(stack: Stack): Promise<readonly string[]> {
  const { items } = await call(stack, Requests, '/v1/requests?project=demo&kind=deletion&limit=50');
  const open = items.filter(({ concludedAt }) => concludedAt === null).map(({ id }) => id);
  const statuses = await Promise.all(
    open.map(async (id) => ({ id, ...(await call(stack, Status, `/v1/requests/${id}`)) })),
  );
  return statuses
    .filter(({ status }) => status !== 'awaiting_confirmation')
    .filter(({ heldSubjects, attention }) => heldSubjects === 0 && attention.length === 0)
    .filter(({ hardDeleteAt }) => Date.parse(hardDeleteAt) <= Date.now())
    .map(({ id }) => id);
}

const Accepted = z.object({ id: z.string() });

export const accept = (stack: Stack, request: object): Promise<z.output<typeof Accepted>> =>
  call(stack, Accepted, '/v1/requests', { method: 'POST', body: JSON.stringify(request) });

export async function call<Schema extends z.ZodType>(
  { apiUrl, token }: Stack,
  schema: Schema,
  path: string,
  init: RequestInit = {},
): Promise<z.output<Schema>> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${apiUrl}${path}`, { ...init, headers });
  const body: unknown = await response.json();
  if (!response.ok)
    throw new Error(`${init.method ?? 'GET'} ${path} returned ${response.status}: ${JSON.stringify(body)}`);
  return schema.parse(body);
}
