import type { IdentityTypes } from '../../domain/identity.ts';
import { bucketUrlError, folderUrlError } from '../../domain/network/storage-url.ts';
import { SUBJECT_KINDS } from '../../domain/vocabulary.ts';
import type { ConfigError } from '../connector.ts';
import { configErrorsOf } from '../config-messages.ts';
import { readPattern } from './keys/key-pattern.ts';
import { type Placed, overlapOf } from './keys/overlap.ts';
import { type FilesKind, type FilesSettings, keysOf, settingsSchema } from './settings.ts';

/** The config errors that need no connection: first the shape, then the keys and how they meet. */
export function validateSettings(settings: FilesSettings): readonly ConfigError[] {
  const shape = configErrorsOf(settingsSchema, settings);
  if (shape.length > 0) return shape;
  const errors: ConfigError[] = [];
  if (typeof settings.at === 'string') {
    const message = urlError(settings.at);
    if (message !== null) errors.push({ path: 'at', message });
    else if (settings.credentials !== undefined && !settings.at.startsWith('s3:'))
      errors.push({ path: 'credentials', message: 'a folder has no credentials' });
  }
  const placed = SUBJECT_KINDS.flatMap((kind) => {
    const map = settings.kinds[kind];
    return map === undefined ? [] : readKeys(kind, map, errors);
  });
  for (const [index, later] of placed.entries()) {
    const met = placed.slice(0, index).map((earlier) => ({ earlier, overlap: overlapOf(earlier, later) }));
    const found = met.find(({ overlap }) => overlap !== null);
    if (found === undefined) continue;
    const message =
      found.overlap === 'same'
        ? `selects objects that ${found.earlier.path} selects too; remove one of both`
        : `can select objects of another subject, under ${found.earlier.path}; use different folders`;
    errors.push({ path: later.path, message });
  }
  return errors;
}

/** Says what is wrong with the URL, which may come from a variable, without repeating it. */
export function urlError(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'file:') return text.startsWith('file:///') ? folderUrlError(url) : 'must begin with file:///';
  return url?.protocol === 's3:' ? bucketUrlError(url) : 'must be a URL such as file:///srv/uploads or s3://bucket';
}

export const typesOf = ({ identities }: FilesKind): IdentityTypes =>
  Object.fromEntries(
    Object.entries(identities).map(([name, { match, parts }]) => [
      name,
      { comparison: match ?? 'exact', parts: parts ?? 1 },
    ]),
  );

function readKeys(
  kind: string,
  map: FilesKind,
  errors: ConfigError[],
): readonly (Placed & { readonly path: string })[] {
  const types = typesOf(map);
  return Object.entries(map.objects).flatMap(([name, objects]) =>
    keysOf(objects).flatMap((text, index) => {
      const path = `kinds.${kind}.objects.${name}.keys${typeof objects.keys === 'string' ? '' : `.${index}`}`;
      const read = readPattern(text, types);
      if ('pattern' in read) return [{ ...read, types, kind, encode: objects.encode, path }];
      errors.push({ path, message: read.error });
      return [];
    }),
  );
}
