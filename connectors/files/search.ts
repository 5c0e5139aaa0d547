import type { ConnectorContext } from '../connector.ts';
import type { Place, Subject } from './subjects.ts';
import { type Entry, type Session, proceed } from './store/store.ts';

/** Places that are listed at the same time. */
const CONCURRENT = 8;
/** Entries that are kept to be deleted without another listing. */
const MAX_KEPT = 2_000;

/** What was found at one place of a subject. */
export interface Found {
  readonly seq: number;
  readonly place: Place;
  readonly count: number;
  /** All entries, or null if they are too many to keep. */
  readonly entries: readonly Entry[] | null;
}

/** Lists every place of some subjects, and keeps the entries if they are few. */
export async function search(
  session: Session,
  subjects: readonly Subject[],
  activity: ConnectorContext,
): Promise<readonly Found[]> {
  const places = subjects.flatMap(({ seq, places: own }) => own.map((place) => ({ seq, place })));
  const found: Found[] = [];
  let kept = 0;
  const take = async ({ seq, place }: { seq: number; place: Place }): Promise<Found> => {
    let count = 0;
    let entries: Entry[] | null = [];
    for await (const page of session.list(place)) {
      proceed(activity);
      count += page.length;
      kept += page.length;
      if (kept > MAX_KEPT) entries = null;
      else entries?.push(...page);
    }
    return { seq, place, count, entries };
  };
  for (let at = 0; at < places.length; at += CONCURRENT)
    found.push(...(await Promise.all(places.slice(at, at + CONCURRENT).map(take))));
  return found.filter(({ count }) => count > 0);
}

/** Groups subjects, so that the places of one group are listed together. */
export async function* groups(subjects: AsyncIterable<Subject>, size: number): AsyncGenerator<readonly Subject[]> {
  let group: Subject[] = [];
  for await (const subject of subjects) {
    group.push(subject);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
