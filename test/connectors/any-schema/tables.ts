/** A value of a row as JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A column that holds the id of a row of another table. The column of a composite key adds the tenant. */
export interface Reference {
  readonly to: string;
  readonly isRequired?: true;
  readonly onDelete?: 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';
  /** `none`: no foreign key. `partitions`: one on each partition instead of the partitioned table. */
  readonly constraint?: 'none' | 'partitions';
}

/** Picks the id of a row of a table in the row's tenant by a number, or null. */
export type Pick = (table: string, seed: number) => number | null;

export interface Column {
  readonly type: string;
  value(seed: number, pick: Pick, tenant: number): Json;
}

export interface Table {
  readonly id: string;
  readonly references: Readonly<Record<string, Reference>>;
  readonly columns: Readonly<Record<string, Column>>;
  readonly isPartitioned?: true;
}

const text = (prefix: string): Column => ({ type: 'text', value: (seed) => `${prefix} ${seed % 3}` });
const filled = (prefix: string): Column => ({
  type: 'text',
  value: (seed) => (seed % 4 === 3 ? null : `${prefix} ${seed % 3}`),
});
const oneOf = (type: string, values: readonly Json[]): Column => ({
  type,
  value: (seed) => values[seed % values.length] ?? null,
});
const user = (to: Partial<Reference> = {}): Reference => ({ to: 'users', ...to });

/** Up to three users per array: duplicates, NULL and users that do not exist are possible. */
const users = (type: string, isText = false): Column => ({
  type,
  value: (seed, pick) =>
    seed % 7 === 6
      ? null
      : [seed, seed * 3 + 1, seed * 5 + 2].slice(0, seed % 4).map((each) => {
          const id = pick('users', each);
          return isText && id !== null ? String(id) : id;
        }),
});

/** Documents with keys of users as numbers or texts, missing keys, and JSON null. */
const events: Column = {
  type: 'jsonb',
  value: (seed, pick, tenant) => ({
    tenant: tenant,
    ...(seed % 5 !== 4 && { user_id: seed % 2 === 0 ? pick('users', seed) : String(pick('users', seed)) }),
    ...(seed % 3 !== 2 && { actor: { id: pick('users', seed * 3 + 1), role: 'reader' } }),
    kind: seed % 4 === 0 ? 'login' : 'visit',
  }),
};
const entry: Column = {
  type: 'json',
  value: (seed, pick, tenant) =>
    seed % 6 === 5
      ? { note: 'no person' }
      : {
          who: { tenant: tenant, id: pick('users', seed) },
          note: `entry ${seed % 3}`,
          by: pick('users', seed * 7 + 3),
        },
};

/** Every pattern of a schema at once. `users` is the table of the subjects; its row 0 is the ghost. */
export const TABLES: Readonly<Record<string, Table>> = {
  users: {
    id: 'user_id',
    references: {
      team_id: { to: 'teams' },
      invited_by: user(),
      document_id: { to: 'documents' },
    },
    columns: { email: text('unused'), name: text('name'), bio: filled('bio'), session_hash: text('hash') },
  },
  teams: {
    id: 'team_id',
    references: { owner_id: user({ isRequired: true, onDelete: 'RESTRICT' }) },
    columns: { title: text('team') },
  },
  posts: {
    id: 'post_id',
    references: { author_id: user({ isRequired: true }), cover_id: { to: 'documents' } },
    columns: { title: text('post') },
  },
  photos: { id: 'photo_id', references: { author_id: user() }, columns: { title: text('photo') } },
  comments: {
    id: 'comment_id',
    references: { author_id: user({ isRequired: true }), parent_id: { to: 'comments' } },
    columns: {
      commentable_type: oneOf('text', ['Post', 'Photo', 'Post', 'Photo', 'Page', null]),
      commentable_id: { type: 'integer', value: (seed) => (seed % 5 === 4 ? null : 1 + (seed % 4)) },
      body: text('comment'),
    },
  },
  votes: {
    id: 'vote_id',
    references: { comment_id: { to: 'comments', isRequired: true }, voter_id: user({ isRequired: true }) },
    columns: { points: oneOf('integer', [1, 2]) },
  },
  articles: {
    id: 'article_id',
    references: { author_id: user({ isRequired: true }), editor_id: user({ isRequired: true }) },
    columns: { body: text('article'), draft: filled('draft') },
  },
  folders: {
    id: 'folder_id',
    references: {
      owner_id: user({ isRequired: true, onDelete: 'CASCADE' }),
      parent_id: { to: 'folders', onDelete: 'CASCADE' },
    },
    columns: { title: text('folder') },
  },
  files: {
    id: 'file_id',
    references: {
      owner_id: user({ isRequired: true, onDelete: 'CASCADE' }),
      folder_id: { to: 'folders', onDelete: 'SET NULL' },
    },
    columns: { title: text('file') },
  },
  file_logs: {
    id: 'log_id',
    references: { file_id: { to: 'files', onDelete: 'SET NULL' } },
    columns: { line: text('line') },
  },
  settings: {
    id: 'setting_id',
    references: { changed_by: user({ onDelete: 'SET NULL' }) },
    columns: { value: text('value') },
  },
  approvals: {
    id: 'approval_id',
    references: { approved_by: user({ onDelete: 'SET DEFAULT' }) },
    columns: { value: text('value') },
  },
  badges: {
    id: 'badge_id',
    references: { holder_id: user({ isRequired: true, onDelete: 'CASCADE' }) },
    columns: { title: text('badge') },
  },
  badge_awards: {
    id: 'award_id',
    references: { badge_id: { to: 'badges', isRequired: true, onDelete: 'CASCADE' } },
    columns: { reason: text('reason') },
  },
  documents: { id: 'document_id', references: { blob_id: { to: 'blobs' } }, columns: { body: text('document') } },
  blobs: { id: 'blob_id', references: {}, columns: { data: text('blob') } },
  pages: {
    id: 'page_id',
    references: { document_id: { to: 'documents', isRequired: true } },
    columns: { body: text('page') },
  },
  bookmarks: {
    id: 'bookmark_id',
    references: { document_id: { to: 'documents', onDelete: 'SET NULL' }, reader_id: user({ isRequired: true }) },
    columns: { label: text('bookmark') },
  },
  orders: { id: 'order_id', references: { buyer_id: user({ isRequired: true }) }, columns: { item: text('item') } },
  payments: {
    id: 'payment_id',
    references: {
      payer_id: user({ isRequired: true, constraint: 'partitions' }),
      order_id: { to: 'orders', isRequired: true, constraint: 'partitions' },
    },
    columns: { at: oneOf('date', ['2025-03-01', '2026-05-05', '2026-08-08']), cents: oneOf('integer', [5, 7]) },
    isPartitioned: true,
  },
  refunds: {
    id: 'refund_id',
    references: {
      payee_id: user({ constraint: 'partitions' }),
      order_id: { to: 'orders', constraint: 'partitions' },
    },
    columns: { at: oneOf('date', ['2025-03-01', '2026-05-05', '2026-08-08']), reason: filled('reason') },
    isPartitioned: true,
  },
  invoices: {
    id: 'invoice_id',
    references: { customer_id: user() },
    columns: { address: filled('address'), cents: oneOf('integer', [9, 11]) },
  },
  invoice_lines: {
    id: 'line_id',
    references: { invoice_id: { to: 'invoices', isRequired: true } },
    columns: { note: filled('note') },
  },
  transfers: {
    id: 'transfer_id',
    references: { payer_id: user(), payee_id: user() },
    columns: { note: filled('note') },
  },
  events: { id: 'event_id', references: {}, columns: { payload: events } },
  audits: { id: 'audit_id', references: {}, columns: { entry } },
  tickets: {
    id: 'ticket_id',
    references: { reporter_id: user({ constraint: 'none' }), assignee_id: user() },
    columns: { status: oneOf('text', ['open', 'new', null, 'closed', 'archived']), subject: filled('subject') },
  },
  subscriptions: {
    id: 'subscription_id',
    references: {},
    columns: { email: { type: 'text', value: (seed, pick, tenant) => emailOf(tenant, pick('users', seed)) } },
  },
};

/** Tables that a schema with a key of one column has as well, because a pseudonym and an array hold one value. */
export const SIMPLE_TABLES: Readonly<Record<string, Table>> = {
  ratings: {
    id: 'rating_id',
    references: {},
    columns: {
      rater: { type: 'text', value: (seed, pick) => String(pick('users', seed)) },
      comment: filled('comment'),
    },
  },
  notes: { id: 'note_id', references: {}, columns: { reader_ids: users('integer[]'), body: text('note') } },
  albums: { id: 'album_id', references: {}, columns: { owner_ids: users('bigint[]'), title: text('album') } },
  rooms: { id: 'room_id', references: {}, columns: { member_ids: users('text[]', true), title: text('room') } },
};

/** Addresses in mixed case, because subscriptions compare without case. */
export const emailOf = (tenant: number, userId: number | null): string | null =>
  userId === null ? null : `${userId % 2 === 0 ? 'User' : 'user'}-${tenant}-${userId}@x.test`;

export const tablesOf = (isComposite: boolean): Readonly<Record<string, Table>> =>
  isComposite ? TABLES : { ...TABLES, ...SIMPLE_TABLES };
