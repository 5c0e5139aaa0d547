/** Why a table looks personal. Tables of one reason share one error. */
export interface Reason {
  readonly table: string;
  /** For one table: `has the column user_id`. */
  readonly one: string;
  /** For several tables: `have a column user_id`. */
  readonly many: string;
  /** Stands after the name of each of several tables. */
  readonly detail?: string;
  readonly remedy?: string;
  /** Another check reports the table for this reason. */
  readonly isReported?: boolean;
  /** Another kind maps the table, so it cannot be ignored. */
  readonly isMapped?: boolean;
}
