import { z } from '@hono/zod-openapi';
import { stringify } from 'csv-stringify/sync';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import type { Logger } from 'pino';
import { errorCode } from '../../db/errors.ts';
import { headerReferences } from '../openapi/contract.ts';
import type { AppEnv } from '../deps.ts';
import { invalidRequest } from '../http/validation-errors.ts';

const CSV = 'text/csv';
const PAGE = 1_000;

/** Beside the JSON of a list, in the document. */
export const withCsv = <Content extends object>(
  response: {
    readonly description: string;
    readonly headers: ReturnType<typeof headerReferences>;
    readonly content: Content;
  },
  example: string,
) => ({
  ...response,
  headers: { ...response.headers, ...headerReferences(['Content-Disposition']) },
  content: {
    ...response.content,
    [CSV]: {
      schema: z.string().openapi({
        description: 'Everything that matches, below a line of names. `cursor` and `limit` are of JSON pages alone.',
        'x-example': example,
      }),
    },
  },
});

/** Decided by `Accept` alone: every caller sets headers anyway, for the token. */
export function wantsCsv(c: Context<AppEnv>): boolean {
  c.header('Vary', 'Accept');
  const supports = ['application/json', CSV];
  if (accepts(c, { header: 'Accept', supports, default: 'application/json' }) !== CSV) return false;
  const paging = ['cursor', 'limit'].filter((name) => c.req.query(name) !== undefined);
  if (paging.length > 0) {
    throw invalidRequest(
      paging.map((name) => ({
        in: 'query',
        pointer: `/${name}`,
        code: 'not_of_csv',
        detail: 'a CSV has everything that matches',
      })),
    );
  }
  return true;
}

export interface Download<Row> {
  /** The file is called `lethe-<name>.csv`. */
  readonly name: string;
  readonly columns: readonly (keyof Row & string)[];
  readonly read: (after: Row | null, limit: number) => Promise<readonly Row[]>;
}

/**
 * Read page by page as the caller takes it, without holding a connection between pages. The first page is read before the
 * answer begins, so that a ledger that is away is still a problem; afterwards all that is left is to break off.
 */
export async function csvDownload<Row extends object>(
  c: Context<AppEnv>,
  logger: Logger,
  { name, columns, read }: Download<Row>,
): Promise<Response> {
  const first = await read(null, PAGE);
  const requestId = c.get('requestId');
  async function* chunks() {
    for (let rows = first, header = true; ; header = false) {
      const text = stringify([...rows], { columns: [...columns], header, escape_formulas: true, cast: { date } });
      if (text !== '') yield new TextEncoder().encode(text);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      try {
        rows = await read(last, PAGE);
      } catch (error) {
        logger.warn({ requestId, code: errorCode(error) }, 'a download broke off');
        throw new Error('the download broke off');
      }
    }
  }
  return c.body(ReadableStream.from(chunks()), 200, {
    'Content-Type': `${CSV}; charset=utf-8`,
    'Content-Disposition': `attachment; filename="lethe-${name}.csv"`,
  });
}

const date = (timestamp: Date): string => timestamp.toISOString();
