import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { STATUSES } from '../../domain/vocabulary.ts';
import { renderMail } from '../../outbound/mail-templates.ts';
import { renderTaskMail } from '../../outbound/task-mail.ts';
import type { Mail } from '../../outbound/mail.ts';
import { openMailer } from '../../outbound/mailer.ts';
import { mailServer } from '../support/servers/mail-server.ts';
import { FROM, mailFolder } from '../support/outbound.ts';

const NOTIFICATION = {
  requestId: 'req_01a207d921007000b1946aa6e9a5b3c1',
  kind: 'export',
  status: 'ready',
  project: 'demo',
  at: new Date('2026-11-23T10:00:00Z'),
} as const;
const LINK = {
  url: `http://127.0.0.1:8080/download/${'a'.repeat(43)}`,
  expiresAt: new Date('2026-11-30T10:00:00Z'),
};
const mail = (changes: Partial<Mail> = {}): Mail => ({
  id: 'evt_1',
  to: 'colleague@lethe.test',
  ...renderMail({ ...NOTIFICATION, link: LINK }),
  ...changes,
});

test('delivers a plain-text mail with an unbroken link and a stable Message-ID', async () => {
  const server = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const mailer = openMailer({ url: server.url(), from: FROM });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  expect(server.received).toHaveLength(2);
  for (const { from, to, message } of server.received) {
    expect({ from, to }).toEqual({ from: 'lethe@lethe.test', to: ['colleague@lethe.test'] });
    expect(message).toContain('Message-ID: <evt_1@lethe.test>');
    expect(message).toContain('Subject: Lethe: export ready');
    expect(message).toContain('Auto-Submitted: auto-generated');
    expect(message).toContain('Content-Type: text/plain');
    expect(message).not.toContain('text/html');
    expect(message.split('\r\n')).toContain(LINK.url);
  }
});

test('does not send mail or password without TLS when the server is on another machine', async () => {
  const passwords: string[] = [];
  const clear = await mailServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => done(new Error(`password ${passwords.push(password ?? '')}`)),
  });
  // A local address that is not recognized as a loopback address.
  const url = Object.assign(clear.url('lethe:secret@'), { hostname: '[::ffff:127.0.0.1]' });
  expect(await openMailer({ url, from: FROM }).send(mail())).toEqual({ delivered: false, code: 'tls' });
  expect([clear.received, passwords]).toEqual([[], []]);
});

test('rejects a server whose certificate is not trusted', async () => {
  const server = await mailServer({ secure: true });
  const url = new URL(server.url().href.replace('smtp:', 'smtps:'));
  expect(await openMailer({ url, from: FROM }).send(mail())).toMatchObject({ delivered: false });
  expect(server.received).toEqual([]);
});

test('logs in with the credentials of the URL and returns the reply code when they are wrong', async () => {
  const server = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      password === 'p@ss word' ? done(null, { user: username }) : done(new Error(`wrong: ${password}`)),
  });
  const mailerWith = (password: string) =>
    openMailer({ url: server.url(`lethe:${encodeURIComponent(password)}@`), from: FROM });
  expect(await mailerWith('p@ss word').send(mail())).toEqual({ delivered: true });
  expect(server.received[0]?.user).toBe('lethe');
  expect(await mailerWith('another').send(mail())).toEqual({ delivered: false, code: 'smtp_535' });
});

test('returns the reply code without the text of the server, which may contain the address', async () => {
  const server = await mailServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) => done(Object.assign(new Error(`no ${address}`), { responseCode: 550 })),
  });
  expect(await openMailer({ url: server.url(), from: FROM }).send(mail())).toEqual({
    delivered: false,
    code: 'smtp_550',
  });
});

test('does not send to further recipients when an address contains separators or headers', async () => {
  const server = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const mailer = openMailer({ url: server.url(), from: FROM });
  await mailer.send(mail({ to: 'a@lethe.test, b@lethe.test' }));
  await mailer.send(mail({ to: 'a@lethe.test>\r\nRCPT TO:<b@lethe.test' }));
  await mailer.send(mail({ to: 'a@lethe.test\r\nBcc: b@lethe.test' }));
  for (const { to } of server.received) expect(to).not.toContain('b@lethe.test');
});

test('writes each mail once to a folder that only the owner can read when no server is configured', async () => {
  const { folder, mails } = mailFolder();
  const url = pathToFileURL(join(folder, 'new/mail/folder'));
  const mailer = openMailer({ url, from: FROM });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  const created = join(folder, 'new/mail/folder');
  expect(readdirSync(created)).toEqual(['evt_1.eml']);
  expect(statSync(join(created, 'evt_1.eml')).mode & 0o077).toBe(0);
  rmSync(join(folder, 'new'), { recursive: true });
  writeFileSync(join(folder, 'new'), 'blocks the folder');
  expect(await mailer.send(mail())).toEqual({ delivered: false, code: 'outbox' });
  expect([...mails().keys()]).toEqual(['new']);
});

test('renders a different mail for each status with the request ID and a link only for ready exports', () => {
  const mails = STATUSES.map((status) => renderMail({ ...NOTIFICATION, status }));
  expect(new Set(mails.map(({ subject }) => subject)).size).toBe(STATUSES.length);
  for (const { text } of mails) {
    expect(text).toContain(NOTIFICATION.requestId);
    for (const line of text.split('\n')) expect(line).toMatch(/^[ -~]{0,76}$/);
  }
  const { text } = renderMail({ ...NOTIFICATION, link: LINK });
  expect(text).toContain(LINK.url);
  expect(text).toContain('2026-11-30 10:00 UTC');
  expect(renderMail(NOTIFICATION).text).not.toContain('/download/');
});

test('names every kind of row that a receipt counts when a deletion is completed', () => {
  const { text } = renderMail({ ...NOTIFICATION, kind: 'deletion', status: 'completed' });
  for (const word of ['removed', 'retained and why', 'anonymised', 'detached']) expect(text).toContain(word);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(76);
});

test('renders a task as short lines that say what to do, until when and how to report it', () => {
  const task = {
    id: `task_${'7'.repeat(32)}`,
    requestId: `req_${'7'.repeat(32)}`,
    project: 'demo',
    system: 'partner',
    subjects: 2,
    instruction: `${'Delete these customers in the back office. '.repeat(4)}\nThen empty its bin.`,
    dueAt: new Date('2026-12-18T02:00:00Z'),
    publicUrl: new URL('https://lethe.example.com'),
  };
  const { subject, text } = renderTaskMail({ ...task, isLate: false });
  expect(subject).toBe('Lethe: task in partner opened');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(76);
  for (const part of [
    'Then empty its bin.',
    '2 subjects',
    '2026-12-18 02:00 UTC',
    'https://lethe.example.com',
    `/v1/tasks/${task.id}/done`,
  ])
    expect(text).toContain(part);
  const late = renderTaskMail({ ...task, subjects: 1, isLate: true });
  expect(late.subject).toBe('Lethe: task in partner is late');
  expect(late.text).toContain('1 subject\n');
});
