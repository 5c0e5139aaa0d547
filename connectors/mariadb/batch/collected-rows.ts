import type { Scope } from '../../../domain/vocabulary.ts';
import { COLLECTED } from '../../data-map/build-models.ts';
import { type Link, type Target, isDeleted, isSameTable } from '../../data-map/model.ts';
import { changedColumns } from '../../data-map/reference-changes.ts';
import { columnSql, comparable, textOf, typeOf } from '../catalog/columns.ts';
import type { LoadedBatch } from '../context.ts';
import { ident, literal, relation } from '../sql.ts';
import { IDENTITIES, valueNames } from './identities.ts';
import { isSameRow, rowKeyDefinitions, rowKeySelect, rowNames } from './row-keys.ts';
import { type Range, type Selecting, selectRows } from './selections.ts';

export interface CollectOptions {
  readonly scope: Scope;
  /** Locks the rows until the transaction ends, so that none of them becomes another person's before it is changed. */
  readonly isLocking: boolean;
}

/**
 * The rows of each entry that belong or refer to the subjects of a range, in temporary tables of the connection: the row
 * key, and the subject. The same rows are counted, changed and deleted.
 */
export class CollectedRows {
  readonly loaded: LoadedBatch;
  readonly #tables: ReadonlyMap<Target, string>;

  private constructor(loaded: LoadedBatch) {
    this.loaded = loaded;
    this.#tables = new Map(loaded.model.targets.map((target, index) => [target, `lethe_rows_${index}`]));
  }

  static async create(loaded: LoadedBatch): Promise<CollectedRows> {
    const rows = new CollectedRows(loaded);
    for (const [{ table }, name] of rows.#tables)
      await loaded.session.run(
        `CREATE TEMPORARY TABLE ${name} (seq INT NOT NULL, ${rowKeyDefinitions(loaded.catalog, table).join(', ')},
           PRIMARY KEY (${[...rowNames(loaded.catalog, table), 'seq'].join(', ')})) ENGINE = InnoDB`,
      );
    return rows;
  }

  tableOf(target: Target): string {
    return this.#tables.get(target) ?? '';
  }

  /** The row keys of an entry's collected rows, as a list of names. */
  keyNames(target: Target): string {
    return rowNames(this.loaded.catalog, target.table).join(', ');
  }

  /** Joins the collected rows `picked` of an entry to the rows `own` of its table. */
  join(target: Target): string {
    const isSame = isSameRow(this.loaded.catalog, target.table, 'own', 'picked');
    return `${this.tableOf(target)} AS picked STRAIGHT_JOIN ${relation(target.table)} AS own ON ${isSame}`;
  }

  /** The condition that a row `own` of a table is collected for an entry of the same table. */
  isCollected(target: Target, own = 'own', condition = 'true'): string {
    const isSame = isSameRow(this.loaded.catalog, target.table, own, 'other');
    return `EXISTS (SELECT 1 FROM ${this.tableOf(target)} AS other WHERE ${isSame} AND ${condition})`;
  }

  /** The condition that a row `own` belongs to any subject of the batch by an entry of its table, now. */
  isOfBatch(target: Target, own = 'own'): string {
    const { model, catalog, members } = this.loaded;
    const range = { first: members.firstSeq, last: members.lastSeq };
    const selected = selectRows(target, rowKeySelect(catalog, target.table), { model, catalog, range });
    return `EXISTS (SELECT 1 FROM (${selected.join(' UNION ALL ')}) AS ofBatch WHERE ${isSameRow(catalog, target.table, own, 'ofBatch')})`;
  }

  isWholeBatch({ first, last }: Range): boolean {
    const { firstSeq, lastSeq } = this.loaded.members;
    return first <= firstSeq && last >= lastSeq;
  }

  /** Finds the rows of the subjects of a range. Rows of an earlier range are forgotten. */
  async collect(range: Range, options: CollectOptions): Promise<void> {
    for (const target of inOrder(this.loaded.model.targets)) await this.#collectEntry(target, range, options);
  }

  async #collectEntry(target: Target, range: Range, { scope, isLocking }: CollectOptions): Promise<void> {
    const { session, model, catalog } = this.loaded;
    const table = this.tableOf(target);
    await session.run(`DELETE FROM ${table}`);
    const selecting: Selecting = {
      model,
      catalog,
      range,
      parentRows: (parent, keys) => this.#parentRows(parent, keys),
    };
    for (const select of selectRows(target, rowKeySelect(catalog, target.table), selecting))
      await session.run(
        `INSERT IGNORE INTO ${table} (seq, ${this.keyNames(target)}) ${select}${isLocking ? ' FOR UPDATE' : ''}`,
      );
    if (target.referencedBy === undefined) return;
    if (isLocking && scope === 'data') await this.#keep(target);
    if (scope === 'data' && isDeleted(target)) await this.#dropReferenced(target);
    else await this.#dropShared(target, range);
  }

  #parentRows(parent: Target, keys: readonly string[]): string {
    return `SELECT picked.seq${keys.map((key) => `, ${key}`).join('')} FROM ${this.join(parent)}`;
  }

  /**
   * Keeps the keys of rows that other rows point to: when those are deleted, a verification still finds these. Adds them to
   * the identities of this connection too.
   */
  async #keep(target: Target): Promise<void> {
    const { session, catalog, members } = this.loaded;
    const type = `${COLLECTED}${target.path}`;
    const columns = (target.matches[0]?.columns ?? []).map((column) =>
      textOf(columnSql(column, 'own.'), typeOf(catalog, target.table, column)),
    );
    const names = valueNames(columns.length);
    const found = `SELECT DISTINCT picked.seq AS seq${columns.map((column, index) => `, ${column} AS ${names[index]}`).join('')} FROM ${this.join(target)}`;
    await session.run(
      `INSERT INTO ${IDENTITIES} (seq, type, ${names.join(', ')}) SELECT seq, ${literal(type)}, ${names.join(', ')} FROM (${found}) AS found`,
    );
    await session.run(
      `INSERT IGNORE INTO lethe_collected (\`system\`, request_id, batch, seq, type, value, digest)
       SELECT ?, ?, ?, seq, ${literal(type)}, value, UNHEX(SHA2(CONCAT(${literal(type)}, value), 256))
       FROM (SELECT seq, JSON_ARRAY(${names.join(', ')}) AS value FROM (${found}) AS found) AS kept`,
      [members.system, members.requestId, members.batch],
    );
  }

  /** Leaves out rows to which another row points that this deletion neither deletes nor makes point elsewhere. */
  async #dropReferenced(target: Target): Promise<void> {
    const { model } = this.loaded;
    for (const link of pointing(target)) {
      const there = link.on.map(([, column]) => column);
      const leaving = model.targets.filter(
        (other) =>
          other !== target &&
          isSameTable(other.table, link.table) &&
          (isDeleted(other) || changedColumns(other).some((column) => there.includes(column))),
      );
      const stays = leaving.map((other) => `NOT ${this.isCollected(other, 'pointing')}`);
      await this.#drop(target, link, stays);
    }
  }

  /** Leaves out rows to which a row of another person points. */
  async #dropShared(target: Target, range: Range): Promise<void> {
    for (const link of pointing(target)) {
      const own = this.loaded.model.targets.filter(
        (other) => other !== target && other.detach === undefined && isSameTable(other.table, link.table),
      );
      const isOthers = own.flatMap((other) => [
        `NOT ${this.isCollected(other, 'pointing')}`,
        ...(this.isWholeBatch(range) ? [] : [`NOT ${this.isOfBatch(other, 'pointing')}`]),
      ]);
      await this.#drop(target, link, isOthers);
    }
  }

  async #drop(target: Target, { table, on }: Link, conditions: readonly string[]): Promise<void> {
    const { catalog } = this.loaded;
    const joins = on.map(([here, there]) => {
      const value = comparable(
        `own.${ident(here)}`,
        typeOf(catalog, table, there),
        typeOf(catalog, target.table, here),
      );
      return `${columnSql(there, 'pointing.')} = ${value}`;
    });
    await this.loaded.session.run(
      `DELETE picked FROM ${this.join(target)}
       WHERE EXISTS (SELECT 1 FROM ${relation(table)} AS pointing WHERE ${[...joins, ...conditions].join(' AND ')})`,
    );
  }
}

const pointing = ({ referencedBy, sharedWith }: Target): readonly Link[] =>
  [referencedBy, ...sharedWith].filter((link) => link !== undefined);

/** The subject's own rows first, so that transactions wait for each other there. Then each entry after its parents. */
function inOrder(targets: readonly Target[]): readonly Target[] {
  const done = new Set<Target>();
  const add = (target: Target, seen: readonly Target[]): void => {
    if (done.has(target) || seen.includes(target)) return;
    const link = target.via ?? target.referencedBy;
    const tables = [...(link === undefined ? [] : [link.table]), ...pointing(target).map(({ table }) => table)];
    for (const other of targets)
      if (tables.some((table) => isSameTable(other.table, table))) add(other, [...seen, target]);
    done.add(target);
  };
  for (const target of targets.toSorted((a, b) => Number(b.role === 'subject') - Number(a.role === 'subject')))
    add(target, []);
  return [...done];
}
