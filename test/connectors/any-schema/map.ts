import fc from 'fast-check';
import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import { GHOST } from './data.ts';
import { constraintOf } from './schema.ts';
import { tablesOf } from './tables.ts';

/** The decisions of a person who maps the schema. */
export interface Choices {
  readonly isComposite: boolean;
  /** Others' replies to comments of the subject. */
  readonly replies: 'delete' | 'detach';
  /** Others' folders inside folders of the subject. */
  readonly folders: 'delete' | 'detach' | 'acknowledge';
  /** Rows that ON DELETE SET NULL or SET DEFAULT changes. */
  readonly actions: 'detach' | 'acknowledge';
  /** Documents that users and posts point to: others' bookmarks of them lose them, or keep them. */
  readonly bookmarks: 'detach' | 'acknowledge' | 'share';
  readonly subject: 'delete' | 'anonymise';
  /** Shuffles the entries, because their order must not matter. */
  readonly order: number;
  readonly subjectsPerCommit: number;
}

export const choicesOf = (isComposite: boolean): fc.Arbitrary<Choices> =>
  fc.record({
    isComposite: fc.constant(isComposite),
    replies: fc.constantFrom('delete', 'detach'),
    folders: fc.constantFrom('delete', 'detach', 'acknowledge'),
    actions: fc.constantFrom('detach', 'acknowledge'),
    bookmarks: fc.constantFrom('detach', 'acknowledge', 'share'),
    subject: fc.constantFrom('delete', 'anonymise'),
    order: fc.nat({ max: 1_000 }),
    subjectsPerCommit: fc.constantFrom(1, 2, 100),
  });

export const KEY = { composite: 'account', simple: 'user_id' } as const;

export function settingsOf(choices: Choices): PostgresSettings {
  return {
    url: { env: 'APP_DATABASE_URL' },
    pace: { share: 1, subjectsPerCommit: choices.subjectsPerCommit },
    kinds: { user: kindOf(choices) },
    ignore: [{ table: 'app.badges', reason: 'the database deletes them with the user' }],
    materializedViews: { refresh: ['app.post_counts'] },
  };
}

function kindOf(choices: Choices): KindMap {
  const { isComposite, actions, subject } = choices;
  const cascades = ['badges.holder_id'];
  const changes = actions === 'acknowledge' ? ['settings.changed_by', 'approvals.approved_by'] : [];
  return {
    table: 'app.users',
    key: isComposite
      ? { name: KEY.composite, columns: ['tenant_id', 'user_id'], match: 'integer' }
      : { column: KEY.simple, match: 'integer' },
    identities: { email: { column: 'email', match: 'caseInsensitive' } },
    omit: ['session_hash'],
    onDelete: [...cascades, ...changes].map(acknowledged),
    ...(subject === 'anonymise' && {
      anonymise: {
        email: { placeholder: 'gone-{key}@x.test' },
        name: { random: true },
        bio: null,
        session_hash: 'none',
        document_id: null,
      },
    }),
    tables: shuffled(entriesOf(choices), choices.order),
  };
}

function acknowledged(reference: string): { table: string; constraint: string } {
  const [table = '', column = ''] = reference.split('.');
  return { table: `app.${table}`, constraint: constraintOf(table, column) };
}

/** A permutation that a number determines. */
function shuffled<Item>(items: readonly Item[], order: number): Item[] {
  const keys = items.map((_, index) => (((index + 1) * (order * 2 + 1) * 2_654_435_761) >>> 7) % 9_973);
  return order === 0
    ? [...items]
    : items
        .map((_, index) => index)
        .toSorted((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0))
        .flatMap((index) => items.slice(index, index + 1));
}

function entriesOf({ isComposite, replies, folders, actions, bookmarks }: Choices): readonly TableMap[] {
  const tenant = isComposite ? ['tenant_id'] : [];
  const subject = (column: string): NonNullable<TableMap['subject']> =>
    isComposite ? { columns: ['tenant_id', column] } : { column, match: 'key' };
  const to = (table: string, column: string, there = tablesOf(isComposite)[table]?.id ?? '') => ({
    table: `app.${table}`,
    on: Object.fromEntries([...tenant.map((name) => [name, name]), [column, there]]) as Record<string, string>,
  });
  const from = (table: string, column: string, here: string) => ({
    table: `app.${table}`,
    on: Object.fromEntries([...tenant.map((name) => [name, name]), [here, column]]) as Record<string, string>,
  });
  const tax = { basis: 'tax law' };
  const shared = bookmarks === 'share' ? [from('bookmarks', 'document_id', 'document_id')] : [];
  const bookmarkActions = bookmarks === 'acknowledge' ? [acknowledged('bookmarks.document_id')] : [];
  return [
    { table: 'app.users', subject: subject('invited_by'), detach: { invited_by: null } },
    { table: 'app.users', via: to('teams', 'team_id'), detach: { team_id: null } },
    { table: 'app.teams', subject: subject('owner_id') },
    { table: 'app.posts', subject: subject('author_id') },
    { table: 'app.photos', subject: subject('author_id') },
    { table: 'app.comments', subject: subject('author_id'), omit: ['body'] },
    ...[
      ['Post', 'posts'],
      ['Photo', 'photos'],
    ].map(([type = '', table = '']): TableMap => ({
      table: 'app.comments',
      where: { commentable_type: type },
      via: to(table, 'commentable_id'),
      export: false,
    })),
    replies === 'delete'
      ? { table: 'app.comments', via: to('comments', 'parent_id'), export: false }
      : { table: 'app.comments', via: to('comments', 'parent_id'), detach: { parent_id: null } },
    { table: 'app.votes', subject: subject('voter_id') },
    { table: 'app.votes', via: to('comments', 'comment_id') },
    {
      table: 'app.articles',
      subject: subject('author_id'),
      retain: {
        basis: 'archive',
        blank: ['draft'],
        reassign: isComposite ? { author_id: GHOST } : GHOST,
      },
    },
    { table: 'app.articles', subject: subject('editor_id'), detach: { editor_id: { ghost: GHOST } } },
    {
      table: 'app.folders',
      subject: subject('owner_id'),
      onDelete: [
        ...(folders === 'acknowledge' ? ['folders.parent_id'] : []),
        ...(actions === 'acknowledge' ? ['files.folder_id'] : []),
      ].map(acknowledged),
    },
    ...(folders === 'acknowledge'
      ? []
      : [
          folders === 'delete'
            ? {
                table: 'app.folders',
                via: to('folders', 'parent_id'),
                export: false as const,
                onDelete: actions === 'acknowledge' ? [acknowledged('files.folder_id')] : [],
              }
            : { table: 'app.folders', via: to('folders', 'parent_id'), detach: { parent_id: null } },
        ]),
    {
      table: 'app.files',
      subject: subject('owner_id'),
      onDelete: actions === 'acknowledge' ? [acknowledged('file_logs.file_id')] : [],
    },
    ...(actions === 'acknowledge'
      ? []
      : [
          { table: 'app.files', via: to('folders', 'folder_id'), detach: { folder_id: null } },
          { table: 'app.file_logs', via: to('files', 'file_id'), detach: { file_id: null } },
          { table: 'app.settings', subject: subject('changed_by'), detach: { changed_by: null } },
          { table: 'app.approvals', subject: subject('approved_by'), detach: { approved_by: 0 } },
        ]),
    {
      table: 'app.documents',
      referencedBy: from('users', 'document_id', 'document_id'),
      sharedWith: [from('posts', 'cover_id', 'document_id'), ...shared],
      onDelete: bookmarkActions,
    },
    {
      table: 'app.documents',
      referencedBy: from('posts', 'cover_id', 'document_id'),
      sharedWith: [from('users', 'document_id', 'document_id'), ...shared],
      onDelete: bookmarkActions,
    },
    { table: 'app.blobs', referencedBy: from('documents', 'blob_id', 'blob_id') },
    { table: 'app.pages', via: to('documents', 'document_id') },
    { table: 'app.bookmarks', subject: subject('reader_id') },
    ...(bookmarks === 'detach'
      ? [{ table: 'app.bookmarks', via: to('documents', 'document_id'), detach: { document_id: null } }]
      : []),
    { table: 'app.orders', subject: subject('buyer_id') },
    { table: 'app.payments', subject: subject('payer_id') },
    { table: 'app.payments', via: to('orders', 'order_id'), export: false },
    { table: 'app.refunds', subject: subject('payee_id'), retain: { ...tax, blank: ['reason'], unlink: 'null' } },
    { table: 'app.refunds', via: to('orders', 'order_id'), detach: { order_id: null } },
    { table: 'app.invoices', subject: subject('customer_id'), retain: { ...tax, blank: ['address'], unlink: 'null' } },
    { table: 'app.invoice_lines', via: to('invoices', 'invoice_id'), retain: { ...tax, blank: ['note'] } },
    { table: 'app.transfers', subject: subject('payer_id'), retain: { ...tax, blank: ['note'], unlink: 'null' } },
    { table: 'app.transfers', subject: subject('payee_id'), retain: { ...tax, unlink: 'null' } },
    {
      table: 'app.events',
      subject: isComposite
        ? { columns: ['tenant_id', "payload->>'user_id'"] }
        : { column: "payload->>'user_id'", match: 'key' },
      where: { "payload->>'kind'": ['visit', 'view'] },
    },
    {
      table: 'app.events',
      subject: isComposite
        ? { columns: ['tenant_id', "payload->'actor'->>'id'"] }
        : { column: "payload->'actor'->>'id'", match: 'key' },
      detach: { "payload->'actor'->>'id'": null },
    },
    {
      table: 'app.audits',
      subject: isComposite
        ? { columns: ["entry->'who'->>'tenant'", "entry->'who'->>'id'"] }
        : { column: "entry->'who'->>'id'", match: 'key' },
      retain: { basis: 'security', unlink: 'null' },
    },
    { table: 'app.tickets', subject: subject('reporter_id'), where: { status: ['open', 'new', null] } },
    {
      table: 'app.tickets',
      subject: subject('reporter_id'),
      where: { status: 'closed' },
      retain: { basis: 'warranty', blank: ['subject'] },
    },
    { table: 'app.tickets', subject: subject('assignee_id'), detach: { assignee_id: null } },
    { table: 'app.subscriptions', subject: { identity: 'email', columns: ['email'] } },
    ...(isComposite ? [] : simpleEntries()),
  ];
}

const simpleEntries = (): readonly TableMap[] => [
  {
    table: 'app.ratings',
    subject: { column: 'rater', match: 'key' },
    retain: { basis: 'statistics', blank: ['comment'], unlink: 'pseudonym' },
  },
  { table: 'app.notes', subject: { contains: 'reader_ids', match: 'key' }, detach: { reader_ids: null } },
  { table: 'app.albums', subject: { contains: 'owner_ids', match: 'key' } },
  { table: 'app.rooms', subject: { contains: 'member_ids', match: 'key' }, detach: { member_ids: { ghost: GHOST } } },
];
