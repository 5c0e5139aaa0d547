import type { Answer, Api, Sent } from './calls/types.ts';
import { HttpError } from './failure.ts';
import type { Path } from './path.ts';

/** More pages than any batch has. A system that repeats itself must not keep a worker forever. */
const MAX_PAGES = 1_000;

interface PageOptions extends Omit<Sent, 'gone' | 'as'> {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST';
  /** The entries of one page. */
  readonly items: (json: unknown) => readonly unknown[];
}

interface LinkOptions extends PageOptions {
  /** The URL of the next page, or null. Default: `rel="next"` of the header `Link`. */
  readonly next?: (answer: Answer) => string | null;
}
interface CursorOptions extends PageOptions {
  /** The cursor of the next page, or null. */
  readonly cursor: (json: unknown, answer: Answer) => string | null;
  /** The query parameter that takes it, or the key of the JSON body. */
  readonly param: string | { readonly in: 'json'; readonly key: string };
}
interface OffsetOptions extends PageOptions {
  readonly limit: number;
  /** Default: `limit`. */
  readonly limitParam?: string;
  /** Default: `offset`. */
  readonly offsetParam?: string;
  /** Counts pages instead of entries, from `firstPage` (default 1). */
  readonly pageParam?: string;
  readonly firstPage?: number;
}

/** Async iterators over the entries of all pages. They end at a page without entries, and refuse a page that they have had. */
export const pages = {
  link: (api: Api, path: Path, { next = nextLink, ...options }: LinkOptions): AsyncGenerator<unknown> =>
    iterate(api, path, options, (answer) => {
      const url = next(answer);
      // The link contains the query.
      return url === null ? null : { path: api.pathOf(url), sent: { ...options, query: {} }, key: url };
    }),

  cursor: (api: Api, path: Path, { cursor, param, ...options }: CursorOptions): AsyncGenerator<unknown> =>
    iterate(api, path, options, (answer) => {
      const key = cursor(answer.json, answer);
      return key === null || key === '' ? null : { path, sent: withCursor(options, param, key), key };
    }),

  offset: (api: Api, path: Path, { limit, ...options }: OffsetOptions): AsyncGenerator<unknown> => {
    const { limitParam = 'limit', offsetParam = 'offset', pageParam, firstPage = 1 } = options;
    const sentAt = (page: number): PageOptions => ({
      ...options,
      query: {
        ...options.query,
        [limitParam]: limit,
        ...(pageParam === undefined ? { [offsetParam]: page * limit } : { [pageParam]: page + firstPage }),
      },
    });
    return iterate(api, path, sentAt(0), (_, count, page) =>
      count < limit ? null : { path, sent: sentAt(page), key: String(page) },
    );
  },
};

interface Next {
  readonly path: Path;
  readonly sent: PageOptions;
  readonly key: string;
}

async function* iterate(
  api: Api,
  first: Path,
  options: PageOptions,
  nextOf: (answer: Answer, count: number, page: number) => Next | null,
): AsyncGenerator<unknown> {
  const seen = new Set<string>();
  let next: Next | null = { path: first, sent: options, key: '' };
  for (let page = 1; next !== null; page += 1) {
    if (page > MAX_PAGES || seen.has(next.key)) throw new HttpError('too_many_pages');
    seen.add(next.key);
    const answer: Answer = await callPage(api, next);
    const items = options.items(answer.json);
    yield* items;
    next = items.length === 0 ? null : nextOf(answer, items.length, page);
  }
}

function callPage(api: Api, { path, sent }: Next): Promise<Answer> {
  const { method, items: _items, ...call } = sent;
  return method === 'POST' ? api.post(path, call) : api.get(path, call);
}

function withCursor(options: PageOptions, param: CursorOptions['param'], cursor: string): PageOptions {
  if (typeof param === 'string') return { ...options, query: { ...options.query, [param]: cursor } };
  const json = typeof options.json === 'object' && options.json !== null ? options.json : {};
  return { ...options, json: { ...json, [param.key]: cursor } };
}

/** RFC 8288: `<https://…?page=2>; rel="next"`. */
function nextLink(answer: Answer): string | null {
  for (const [, url = '', parameters = ''] of (answer.header('link') ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel="?(?:[^"]*\s)?next(?:\s[^"]*)?"?/i.test(parameters)) return url;
  return null;
}
