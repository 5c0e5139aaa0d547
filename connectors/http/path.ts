import { HttpError } from './failure.ts';

/** A path with encoded values. Only the tag `path` and `api.pathOf` make one, so a text with a value in it is not one. */
export class Path {
  /** `/v3/users/ann%40example.com?full=true` */
  readonly text: string;
  /** Prevents an object literal from being a `Path`. */
  readonly #isEncoded = true;

  private constructor(text: string) {
    this.text = text;
  }

  static of(text: string): Path {
    if (!/^\/[^\\#\s]*$/.test(text) || hasDotSegment(text)) throw new HttpError('unsafe_path');
    return new Path(text);
  }

  static isPath(value: unknown): value is Path {
    return typeof value === 'object' && value !== null && #isEncoded in value && value.#isEncoded;
  }
}

/**
 * The path of a call: `` path`/v3/users/${id}` ``. Each value stays one segment. An empty value is refused, because
 * `DELETE /users/` could mean all of them; so are values that make `.` or `..`.
 */
export function path(parts: TemplateStringsArray, ...values: readonly (string | number)[]): Path {
  const texts = values.map(String);
  if (texts.includes('')) throw new HttpError('unsafe_path');
  const encoded = texts.map((text) => encodeURIComponent(text));
  return Path.of(parts.map((part, index) => `${index === 0 ? '' : (encoded[index - 1] ?? '')}${part}`).join(''));
}

/** URL parsers also read `%2e` as a dot. */
const hasDotSegment = (text: string): boolean =>
  (text.split('?', 1)[0] ?? '').split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
