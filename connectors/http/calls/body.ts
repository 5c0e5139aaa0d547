import { HttpError } from '../failure.ts';

export type QueryValue = string | number | boolean | undefined | readonly (string | number)[];
export type Query = Readonly<Record<string, QueryValue>>;

/** A form, nested as Rails and Stripe read it: `{ a: { b: [1] } }` is `a[b][]=1`. */
export interface Form {
  readonly [key: string]: FormValue;
}
export type FormValue = string | number | boolean | undefined | Form | readonly (string | number)[] | readonly Form[];

/** Adds query parameters. A list repeats its key; undefined adds none. */
export function addQuery(url: URL, query: Query = {}): void {
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) url.searchParams.append(key, String(each));
    else if (value !== undefined) url.searchParams.set(key, String(value));
  }
}

export interface Body {
  readonly json?: unknown;
  readonly form?: Form;
  readonly text?: string;
}

/** Null without a body. */
export function encodeBody({ json, form, text }: Body): { readonly type: string; readonly text: string } | null {
  if (json !== undefined) return { type: 'application/json', text: JSON.stringify(json) };
  if (form !== undefined) {
    const pairs = new URLSearchParams();
    for (const [key, value] of Object.entries(form)) addPair(pairs, key, value);
    return { type: 'application/x-www-form-urlencoded', text: pairs.toString() };
  }
  return text === undefined ? null : { type: 'text/plain; charset=utf-8', text };
}

function addPair(pairs: URLSearchParams, key: string, value: FormValue): void {
  if (value === undefined) return;
  if (typeof value !== 'object') pairs.append(key, String(value));
  else if (Array.isArray(value)) {
    for (const [index, each] of value.entries() as Iterable<[number, FormValue]>)
      addPair(pairs, typeof each === 'object' ? `${key}[${index}]` : `${key}[]`, each);
  } else for (const [inner, each] of Object.entries(value)) addPair(pairs, `${key}[${inner}]`, each as FormValue);
}

/** An empty body is null. Throws for a body that is not whole JSON, as a proxy or a lost connection leaves it. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw new HttpError('not_json');
  }
}
