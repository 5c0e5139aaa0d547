import { Path } from '../path.ts';
import { HttpError } from '../failure.ts';
import type { OpenAuth } from '../auth/auth.ts';

/** One of the hosts that a connector may call. */
export interface Host {
  readonly base: URL;
  readonly auth: readonly OpenAuth[];
  readonly headers: Readonly<Record<string, string>>;
}

const prefixOf = ({ base }: Host): string => base.pathname.replace(/\/$/, '');

export const urlOf = (host: Host, path: Path): URL => new URL(`${host.base.origin}${prefixOf(host)}${path.text}`);

/** The path of an absolute URL, or of one relative to `from`. Throws for another host. */
export function pathOnHost(host: Host, text: string, from: URL = host.base): Path {
  const url = URL.parse(text, from.href);
  const prefix = prefixOf(host);
  if (url === null || url.origin !== host.base.origin || !`${url.pathname}/`.startsWith(`${prefix}/`))
    throw new HttpError('foreign_host');
  return Path.of(`${url.pathname.slice(prefix.length) || '/'}${url.search}`);
}
