import { expect } from 'vitest';
import type { Answer, TestApi } from './api.ts';

export interface Page<Item = object> {
  readonly items: readonly (Item & { readonly id: string })[];
  readonly nextCursor: string | null;
}
export const pageOf = <Item = object>(answer: Answer): Page<Item> => answer.json as Page<Item>;

/** Follows `Link` to the last page, calls `between` after each page, and returns the ids of each page. */
export async function allPages(
  api: TestApi,
  path: string,
  between: () => Promise<unknown> = async () => undefined,
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer = await api.call('GET', next);
    const { items, nextCursor } = pageOf(answer);
    pages.push(items.map(({ id }) => id));
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('Link') ?? '')?.[1];
    expect(next === undefined).toBe(nextCursor === null);
    await between();
  }
  return pages;
}
