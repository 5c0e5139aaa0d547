import * as z from 'zod';
import { type Api, pages, path, type Person } from '../../http/index.ts';
import { parse } from './parse.ts';

export const Customer = z.looseObject({
  id: z.string(),
  deleted: z.boolean().optional(),
  redaction: z.looseObject({ status: z.string() }).nullish(),
});
const List = z.object({ data: z.array(Customer), has_more: z.boolean() });

export const isThere = ({ deleted, redaction }: z.output<typeof Customer>): boolean =>
  deleted !== true && redaction?.status !== 'redacted';

/** Stripe compares letter by letter, so the address is also looked up in lower case. */
export async function* customersOf(api: Api, { ids, seq }: Person, type: string) {
  for (const email of new Set((ids[type] ?? []).flatMap((each) => [each, each.toLowerCase()]))) {
    const all = pages.cursor(api, path`/v1/customers`, {
      query: { email, limit: 100 },
      items: (json) => parse(List, json).data,
      cursor: (json) => (parse(List, json).has_more ? (parse(List, json).data.at(-1)?.id ?? null) : null),
      param: 'starting_after',
      lane: 'read',
    });
    for await (const item of all) yield { seq, row: parse(Customer, item) };
  }
}
