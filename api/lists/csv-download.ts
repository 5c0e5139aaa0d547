import { z } from '@hono/zod-openapi';
import { stringify } from 'csv-stringify/sync';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import type { Logger } from 'pino';
import { errorCode } from '../../db/errors.ts';
import { escapeFormula } from '../../domain/text/formulas.ts';
import { headerReferences } from '../openapi/contract.ts';
import type { AppEnv } from '../deps.ts';
import { invalidRequest } from '../http/validation-errors.ts';

const CSV = 'text/csv';
const PAGE_SIZE = 1_000;

/** Adds the CSV form to the JSON response of a list, in the document. */
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
        description: 'All matching rows as CSV with a header row. `cursor` and `limit` apply to JSON pages only.',
        'x-example': example,
      }),
    },
  },
});

/** Only `Accept` decides. Throws `invalid_request` if a CSV is requested with `cursor` or `limit`. */
export function shouldReturnCsv(c: Context<AppEnv>): boolean {
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
        detail: 'applies to JSON pages only; a CSV download contains all matching rows',
      })),
    );
  }
  return true;
}

export interface CsvDownload<Row> {
  /** The file name is `lethe-<name>.csv`. */
  readonly name: string;
  readonly columns: readonly (keyof Row & string)[];
  readonly read: (after: Row | null, limit: number) => Promise<readonly Row[]>;
}

/**
 * Streams page by page, without holding a connection between pages. The first page is read before the response starts, so
 * that an unavailable database is still reported as a problem; a later failure aborts the response.
 */
export async function streamCsv<Row extends object>(
  c: Context<AppEnv>,
  logger: Logger,
  { name, columns, read }: CsvDownload<Row>,
): Promise<Response> {
  const first = await read(null, PAGE_SIZE);
  const requestId = c.get('requestId');
  async function* chunks() {
    for (let rows = first, header = true; ; header = false) {
      const text = stringify([...rows], {
        columns: [...columns],
        header,
        cast: { string: escapeFormula, date: formatTimestamp, object: formatDetail },
      });
      if (text !== '') yield new TextEncoder().encode(text);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_SIZE) return;
      try {
        rows = await read(last, PAGE_SIZE);
      } catch (error) {
        logger.warn({ requestId, code: errorCode(error) }, 'CSV download aborted');
        throw new Error('CSV download aborted');
      }
    }
  }
  return c.body(ReadableStream.from(chunks()), 200, {
    'Content-Type': `${CSV}; charset=utf-8`,
    'Content-Disposition': `attachment; filename="lethe-${name}.csv"`,
  });
}

const formatDetail = (detail: object): string => JSON.stringify(detail);
const formatTimestamp = (timestamp: Date): string => timestamp.toISOString();
