import type { Anonymised, TableMap, Value } from '../../../connectors/data-map/data-map.ts';
import type { State, UserKey } from './data.ts';
import type { Choices } from './map.ts';
import { type Entry, type Item, Selector, asText, entriesOf, itemsOf, nameOf, pointsTo, textOf } from './model.ts';
import { type Json, tablesOf } from './tables.ts';

/** The figures of one table. A row counts once. */
export interface ModelFigures {
  removed: number;
  readonly retained: Map<string, number>;
  /** With several ranges, a row that is retained in one can be detached in a later one: at most this many more. */
  detached: number;
  detachedLater: number;
  anonymised: number;
}

export interface Expected {
  readonly rows: State;
  readonly figures: ReadonlyMap<string, ModelFigures>;
  /** The rows that a count finds, per table. */
  readonly counted: ReadonlyMap<string, number>;
  /** The positions of the subjects of which there is at least one row. */
  readonly present: readonly number[];
  /** `seq basis` → the retained rows of that subject. */
  readonly retainedOf: ReadonlyMap<string, number>;
}

/** A value that the connector computes with its key: the model knows only which rows have equal ones. */
export const unknownValue = (of: string): Json => ({ unknown: of });

/** What a deletion of the subjects leaves, and its figures. */
export function deleteInMemory(choices: Choices, state: State, subjects: readonly UserKey[]): Expected {
  return new Deletion(choices, state, subjects).run();
}

class Deletion {
  readonly #choices: Choices;
  readonly #subjects: readonly UserKey[];
  readonly #items: readonly Item[];
  readonly #entries: readonly Entry[];
  readonly #selector: Selector;
  readonly #detached = new Set<Item>();
  readonly #kept = new Map<Item, Set<string>>();
  readonly #anonymised = new Set<Item>();
  readonly #byAction = new Map<string, number>();

  constructor(choices: Choices, state: State, subjects: readonly UserKey[]) {
    this.#choices = choices;
    this.#subjects = subjects;
    this.#items = itemsOf(state);
    this.#entries = entriesOf(choices);
    this.#selector = new Selector(choices, this.#items);
  }

  run(): Expected {
    // Level 0 needs no collected rows, level 1 depends on documents, and level 2 on blobs of documents.
    for (const level of [0, 1, 2]) {
      const entries = this.#entries.filter((entry) => this.#levelOf(entry) === level);
      if (level > 0) this.#keepShared(entries);
      const selected = entries.map((entry) => ({ entry, items: this.#going(entry) }));
      for (const { entry, items } of selected)
        if (entry.effect === 'delete') for (const item of items) item.isGone = true;
      for (const { entry, items } of selected) this.#change(entry, items);
      this.#applyActions();
    }
    return this.#result();
  }

  #levelOf({ map }: Entry, seen = 0): number {
    if (seen > 5) return 0;
    const link = 'via' in map ? (map.via ?? map.referencedBy) : 'referencedBy' in map ? map.referencedBy : undefined;
    if (link === undefined || link.table === map.table) return 0;
    const parents = this.#entries.filter((entry) => entry.map.table === link.table && entry.effect !== 'detach');
    const above = Math.max(0, ...parents.map((parent) => this.#levelOf(parent, seen + 1)));
    return 'referencedBy' in map && map.referencedBy !== undefined ? above + 1 : above;
  }

  #going(entry: Entry): Set<Item> {
    const found = this.#selector.select(entry, this.#subjects);
    return new Set([...found].filter((item) => !this.#selector.shared.has(item)));
  }

  /** A row stays when a row that stays still points to it. */
  #keepShared(entries: readonly Entry[]): void {
    for (const { map } of entries) {
      if (!('referencedBy' in map) || map.referencedBy === undefined) continue;
      for (const { table, on } of [map.referencedBy, ...(map.sharedWith ?? [])]) {
        const pairs = Object.entries(on).map(([here, there]) => [there, here] as const);
        const pointing = this.#items.filter((item) => item.table === nameOf(table) && !item.isGone);
        for (const item of this.#items)
          if (item.table === nameOf(map.table) && pointing.some(({ now }) => pointsTo(now, item.before, pairs)))
            this.#selector.shared.add(item);
      }
    }
  }

  #change({ map, effect, isOwn }: Entry, items: ReadonlySet<Item>): void {
    for (const item of items) {
      if (item.isGone) continue;
      if (isOwn && 'anonymise' in map) {
        this.#anonymised.add(item);
        for (const [column, to] of Object.entries(map.anonymise ?? {}))
          item.now[column] = this.#anonymousValue(item, column, to);
      }
      if (isOwn || effect === 'delete') continue;
      const table = map as TableMap;
      if (effect === 'detach') {
        this.#detached.add(item);
        for (const [column, to] of Object.entries(table.detach ?? {}))
          this.#setReference(item, table, column, typeof to === 'object' && to !== null ? to.ghost : to);
      }
      if (table.retain !== undefined) this.#retain(item, table, table.retain);
    }
  }

  #retain(item: Item, map: TableMap, { basis, blank = [], unlink, reassign }: NonNullable<TableMap['retain']>): void {
    this.#kept.set(item, (this.#kept.get(item) ?? new Set()).add(basis));
    for (const column of blank) item.now[column] = null;
    const columns = linkColumns(map);
    if (reassign !== undefined)
      for (const column of columns) {
        const to = typeof reassign === 'object' ? reassign[column] : reassign;
        if (to !== undefined) this.#setReference(item, map, column, to);
      }
    // A column that is part of every key of the table stays.
    const removable = columns.filter((column) => column !== 'tenant_id');
    if (unlink === 'null') for (const column of removable) this.#setReference(item, map, column, null);
    if (unlink === 'pseudonym')
      for (const column of columns)
        item.now[column] = unknownValue(`${item.table} ${textOf(item.before, column) ?? ''}`);
  }

  #setReference(item: Item, { subject }: TableMap, column: string, to: Value | null): void {
    const [name = '', ...path] = column.split(/->>?/).map((step) => step.replaceAll("'", ''));
    const current = item.now[name] ?? null;
    if (typeof subject === 'object' && 'contains' in subject && Array.isArray(current)) {
      const keys = this.#subjects.filter((key) => key.at(-1) !== 0).map((key) => String(key.at(-1)));
      const isText = current.some((each) => typeof each === 'string');
      const ghost = isText ? String(to) : to;
      item.now[name] = current.flatMap((each: Json) => {
        if (each === null || !keys.includes(asText(each))) return [each];
        return to === null ? [] : [ghost];
      });
    } else item.now[name] = path.length === 0 ? to : replaceAt(current, path, to);
  }

  #anonymousValue(item: Item, column: string, to: Anonymised): Json {
    if (typeof to !== 'object' || to === null) return to;
    const columns = this.#choices.isComposite ? ['tenant_id', 'user_id'] : ['user_id'];
    const key = columns.map((name) => textOf(item.before, name)).join('-');
    return 'random' in to ? unknownValue(`${column} ${key}`) : to.placeholder.replaceAll('{key}', key);
  }

  /** ON DELETE actions of the database, for references that no entry has changed before. */
  #applyActions(): void {
    const cascaded = (): readonly Item[] => this.#affected('CASCADE').map(({ item }) => item);
    for (let found = cascaded(); found.length > 0; found = cascaded()) for (const item of found) item.isGone = true;
    for (const [action, value] of [
      ['SET NULL', null],
      ['SET DEFAULT', 0],
    ] as const)
      for (const { item, column } of this.#affected(action)) {
        item.now[column] = value;
        this.#byAction.set(item.table, (this.#byAction.get(item.table) ?? 0) + 1);
      }
  }

  /** The rows that stay and refer to a row that goes, by a foreign key with this action. */
  #affected(action: string): readonly { item: Item; column: string }[] {
    const tables = tablesOf(this.#choices.isComposite);
    return this.#items.flatMap((item) =>
      Object.entries(tables[item.table]?.references ?? {}).flatMap(([column, { to, onDelete }]) => {
        if (item.isGone || onDelete !== action) return [];
        const pairs = [...(this.#choices.isComposite ? ['tenant_id'] : []), column].map(
          (name) => [name, name === column ? (tables[to]?.id ?? '') : name] as const,
        );
        const refers = this.#items.some(
          (each) => each.table === to && each.isGone && pointsTo(item.now, each.before, pairs),
        );
        return refers ? [{ item, column }] : [];
      }),
    );
  }

  #result(): Expected {
    const figures = new Map<string, ModelFigures>();
    const of = (table: string): ModelFigures => {
      const found = figures.get(table) ?? {
        removed: 0,
        retained: new Map(),
        detached: 0,
        detachedLater: 0,
        anonymised: 0,
      };
      figures.set(table, found);
      return found;
    };
    for (const item of this.#items) {
      const own = of(item.table);
      if (item.isGone) own.removed += 1;
      else {
        for (const basis of this.#kept.get(item) ?? []) own.retained.set(basis, (own.retained.get(basis) ?? 0) + 1);
        if (this.#anonymised.has(item)) own.anonymised += 1;
        const isOwned = this.#kept.has(item) || this.#anonymised.has(item);
        if (this.#detached.has(item)) own[isOwned ? 'detachedLater' : 'detached'] += 1;
      }
    }
    for (const [table, rows] of this.#byAction) of(table).detached += rows;
    const remaining = this.#items.filter(({ isGone }) => !isGone);
    return {
      rows: Object.fromEntries(
        Object.keys(tablesOf(this.#choices.isComposite)).map((table) => [
          table,
          remaining.filter((item) => item.table === table).map(({ now }) => now),
        ]),
      ),
      figures,
      counted: new Map(
        [...figures.keys()].map((table) => [
          table,
          this.#items.filter(
            (item) => item.table === table && (item.isGone || this.#kept.has(item) || this.#anonymised.has(item)),
          ).length,
        ]),
      ),
      present: this.#subjects.flatMap((key, index) =>
        this.#ownEntries().some((entry) => this.#selector.select(entry, [key]).size > 0) ? [index + 1] : [],
      ),
      retainedOf: this.#retainedOf(),
    };
  }

  #ownEntries(): readonly Entry[] {
    return this.#entries.filter(({ effect }) => effect !== 'detach');
  }

  #retainedOf(): ReadonlyMap<string, number> {
    const found = new Map<string, Set<Item>>();
    for (const [index, key] of this.#subjects.entries())
      for (const entry of this.#entries) {
        const basis = 'retain' in entry.map ? entry.map.retain?.basis : undefined;
        if (basis === undefined) continue;
        const items = [...this.#selector.select(entry, [key])].filter(({ isGone }) => !isGone);
        const name = `${index + 1} ${basis}`;
        if (items.length > 0) found.set(name, new Set([...(found.get(name) ?? []), ...items]));
      }
    return new Map([...found].map(([name, items]) => [name, items.size]));
  }
}

const linkColumns = ({ subject, via }: TableMap): readonly string[] => {
  if (via !== undefined) return Object.keys(via.on);
  if (typeof subject === 'string') return [subject];
  if (subject === undefined) return [];
  if ('contains' in subject) return [subject.contains];
  return 'columns' in subject ? subject.columns : [subject.column];
};

/** Replaces a value inside a document. A key that the document does not have stays absent. */
function replaceAt(document: Json, [key = '', ...rest]: readonly string[], to: Json): Json {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  const members = document as Readonly<Record<string, Json>>;
  if (!(key in members)) return document;
  return { ...members, [key]: rest.length === 0 ? to : replaceAt(members[key] ?? null, rest, to) };
}
