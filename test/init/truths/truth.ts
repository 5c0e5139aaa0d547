/** What a person says about the tables of a schema, written before and without a look at a proposal. */
export interface Truth {
  readonly name: string;
  /** The table with one row per person. It counts neither as found nor as false. */
  readonly people: string;
  /** Tables with rows of a person, or with rows that refer to one, and what a deletion does with them. */
  readonly subjects: Readonly<Record<string, readonly Effect[]>>;
  /** All other tables. */
  readonly others: readonly string[];
}

/** `others`: rows of other people go with rows of the person. `pointed`: rows of the person point to them. */
export type Effect = 'delete' | 'others' | 'retain' | 'detach' | 'pointed';
