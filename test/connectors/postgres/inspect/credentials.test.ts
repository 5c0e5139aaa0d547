import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isCredential } from '../../../../connectors/data-map/checks/credentials.ts';
import { type Fixture, SETTINGS, fixture, withTables, withUser } from '../../fixture.ts';
import { ADDED_TABLE, inspectErrors } from '../../inspect-errors.ts';

const SECRET_NAMES = `password passwd pwd user_password passwordHash password_digest encrypted_password salt secret
  client_secret totp_secret otp mfa_secret recovery_codes backup_code pin cvv token access_token refreshToken
  reset_password_token csrf_token_1 api_key apiKey private_key hash passkey security_answer hashed_pin`.split(/\s+/);
const OTHER_NAMES =
  `password_changed_at token_count token_type secret_name otp_attempts keyboard public_key content_hash
  spinner compass secretary notes description monkey`.split(/\s+/);

describe('the names of credentials', () => {
  test.each(SECRET_NAMES)('has %s among them', (name) => expect(isCredential(name, { base: 'text' })).toBe(true));
  test.each(OTHER_NAMES)('does not have %s among them', (name) =>
    expect(isCredential(name, { base: 'text' })).toBe(false),
  );
  test('counts text and bytes, and no number, time or boolean', () => {
    const fits = (base: string): boolean => isCredential('token', { base });
    expect(['text', 'varchar', 'bytea', 'jsonb'].map(fits)).toEqual([true, true, true, true]);
    expect(['int4', 'timestamptz', 'bool', 'numeric'].map(fits)).toEqual([false, false, false, false]);
  });
});

describe('inspect() of a table with credentials', () => {
  let db: Fixture;
  beforeEach(async () => {
    db = await fixture(1);
    await db.sql
      .unsafe(`CREATE TABLE app.sessions (session_id int PRIMARY KEY, user_id text REFERENCES app.users, token text,
      salt bytea, token_count int); CREATE INDEX ON app.sessions (user_id); ALTER TABLE app.users ADD password_hash text`);
  });
  afterEach(() => db.close());
  const sessions = { table: 'app.sessions', subject: 'user_id' } as const;
  const decided = { omit: ['password_hash'] };

  test('says what to write for each exported table', async () => {
    expect(await inspectErrors(db, '', withTables(sessions))).toEqual([
      `${ADDED_TABLE}.omit: token, salt of app.sessions look like credentials and would be exported; add omit: ['token', 'salt'], or approve: ['token', 'salt'] if the person may have them`,
      `kinds.user.omit: password_hash of app.users looks like a credential and would be exported; add omit: ['password_hash'], or approve: ['password_hash'] if the person may have them`,
    ]);
  });

  test.each([
    ['omitted', { ...sessions, omit: ['token', 'salt'] }],
    ['approved or omitted', { ...sessions, omit: ['token'], approve: ['salt'] }],
    ['in a table that is not exported', { ...sessions, export: false }],
    ['in rows that are detached', { ...sessions, detach: { user_id: null } }],
  ] as const)('accepts columns that are %s', async (_, entry) => {
    const { kinds } = withTables(entry);
    expect(
      await inspectErrors(db, '', { ...SETTINGS, kinds: { ...kinds, user: { ...kinds.user, ...decided } as never } }),
    ).toEqual([]);
  });

  test('rejects names under omit and approve that are no columns', async () => {
    const settings = withUser({ omit: ['password_hash', 'pasword'], approve: ['tokn'] });
    expect(await inspectErrors(db, 'DROP TABLE app.sessions', settings)).toEqual([
      expect.stringMatching(/^kinds\.user\.omit: app\.users has no column pasword/),
      expect.stringMatching(/^kinds\.user\.approve: app\.users has no column tokn/),
    ]);
  });
});
