/** What a deployment does not choose: measured defaults, which tests make small. */
export interface Tuning {
  /** A chunk that takes longer is halved; it bounds how long Lethe holds locks. */
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** Retries of a chunk after a deadlock, a lock that is held, or a row that still references. */
  readonly retries: number;
  readonly backoffMs: number;
  /** Rows per commit of a subject that is too large for one. */
  readonly rowsPerPart: number;
  /** Subjects per page while resolving: memory is bounded by it. */
  readonly page: number;
  /** Sees every statement, without its values. */
  readonly observe: (sql: string) => void;
}

export const TUNING: Tuning = {
  statementTimeoutMs: 20_000,
  lockTimeoutMs: 3_000,
  retries: 5,
  backoffMs: 50,
  rowsPerPart: 10_000,
  page: 1_000,
  observe: () => {},
};
