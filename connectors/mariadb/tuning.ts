/** Measured defaults that lethe.config.ts cannot change. Tests use smaller values. */
export interface Tuning {
  /** Bounds how long Lethe holds locks. A chunk that takes longer is halved. */
  readonly statementTimeoutMs: number;
  /** In whole seconds, as the server counts it. */
  readonly lockTimeoutMs: number;
  /** Retries of a chunk after a deadlock, a lock timeout or a row that still references one of its rows. */
  readonly retries: number;
  readonly backoffMs: number;
  /** Rows per commit of a subject that is too large for one statement. */
  readonly rowsPerPart: number;
  /** Subjects per page of `resolve`. Bounds memory. */
  readonly pageSize: number;
  /** A table with at most so many rows needs no index for its look-ups. */
  readonly smallTableRows: number;
  /** Receives every statement without its parameters. */
  readonly observe: (sql: string) => void;
}

export const TUNING: Tuning = {
  statementTimeoutMs: 20_000,
  lockTimeoutMs: 3_000,
  retries: 5,
  backoffMs: 50,
  rowsPerPart: 10_000,
  pageSize: 1_000,
  smallTableRows: 1_000,
  observe: () => {},
};
