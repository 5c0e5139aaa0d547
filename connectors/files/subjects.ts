import type { Batch } from '../connector.ts';
import type { SubjectIdentity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import { refused } from './store/failure.ts';
import { type KeyPattern, keyOf, readPattern } from './keys/key-pattern.ts';
import { type FilesSettings, keysOf } from './settings.ts';
import type { Target } from './store/store.ts';
import { typesOf } from './validate-settings.ts';

/** The objects of one name, such as `avatars`. The archive and the receipt show it as a table. */
export interface ObjectsModel {
  readonly name: string;
  readonly about: string | null;
  readonly encode: 'percent' | undefined;
  readonly patterns: readonly KeyPattern[];
}

/** The validated settings of one kind. */
export function modelOf(settings: FilesSettings, kind: SubjectKind): readonly ObjectsModel[] {
  const map = settings.kinds[kind];
  if (map === undefined) throw refused(`the system has no subjects of kind ${kind}`);
  const types = typesOf(map);
  return Object.entries(map.objects).map(([name, objects]) => ({
    name,
    about: objects.about ?? null,
    encode: objects.encode,
    patterns: keysOf(objects).flatMap((text) => {
      const read = readPattern(text, types);
      return 'pattern' in read ? [read.pattern] : [];
    }),
  }));
}

/** A subject with the places of its objects. */
export interface Subject {
  readonly seq: number;
  readonly places: readonly Place[];
  /** The objects that an identity has whose key cannot be formed. Null if every key can. */
  readonly unknown: string | null;
}
export interface Place extends Target {
  /** The name of the objects. */
  readonly table: string;
}

/** Yields the subjects of a batch in the order of `seq`. Two spellings of one identity are one place. */
export async function* subjectsOf(batch: Batch, model: readonly ObjectsModel[]): AsyncGenerator<Subject> {
  let seq: number | null = null;
  let own: SubjectIdentity[] = [];
  for await (const page of batch.identities())
    for (const each of page) {
      if (seq !== null && each.seq !== seq) {
        yield subjectOf(seq, own, model);
        own = [];
      }
      seq = each.seq;
      own.push(each);
    }
  if (seq !== null) yield subjectOf(seq, own, model);
}

function subjectOf(seq: number, own: readonly SubjectIdentity[], model: readonly ObjectsModel[]): Subject {
  const places = new Map<string, Place>();
  let unknown: string | null = null;
  for (const { name, patterns, encode } of model)
    for (const pattern of patterns)
      for (const { identity } of own) {
        if (identity.type !== pattern.type) continue;
        const key = keyOf(pattern, identity.value, encode);
        if (key === null) unknown ??= name;
        else places.set(key, { table: name, key, isPrefix: pattern.isPrefix });
      }
  return { seq, places: [...places.values()], unknown };
}
