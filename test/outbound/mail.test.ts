import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { STATUSES } from '../../domain/vocabulary.ts';
import { renderMail } from '../../outbound/mail-templates.ts';
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

test('a mail arrives at a server: to the one who is to be told, with the link whole, known again by its Message-ID', async () => {
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

test('a server on another machine is given nothing in clear, neither mail nor password', async () => {
  const said: string[] = [];
  const clear = await mailServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => done(new Error(`was told ${said.push(password ?? '')}`)),
  });
  // This machine, by an address that is not taken for it.
  const url = Object.assign(clear.url('lethe:secret@'), { hostname: '[::ffff:127.0.0.1]' });
  expect(await openMailer({ url, from: FROM }).send(mail())).toEqual({ delivered: false, code: 'tls' });
  expect([clear.received, said]).toEqual([[], []]);
});

test('a certificate that nobody trusts is refused', async () => {
  const server = await mailServer({ secure: true });
  const url = new URL(server.url().href.replace('smtp:', 'smtps:'));
  expect(await openMailer({ url, from: FROM }).send(mail())).toMatchObject({ delivered: false });
  expect(server.received).toEqual([]);
});

test('whoever logs in does so as the URL says; a password that is wrong is told as a code', async () => {
  const server = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      password === 'p@ss word' ? done(null, { user: username }) : done(new Error(`wrong: ${password}`)),
  });
  const as = (password: string) =>
    openMailer({ url: server.url(`lethe:${encodeURIComponent(password)}@`), from: FROM });
  expect(await as('p@ss word').send(mail())).toEqual({ delivered: true });
  expect(server.received[0]?.user).toBe('lethe');
  expect(await as('another').send(mail())).toEqual({ delivered: false, code: 'smtp_535' });
});

test('what a server says is told as its number: nothing of the text, which repeats the address', async () => {
  const server = await mailServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) => done(Object.assign(new Error(`no ${address}`), { responseCode: 550 })),
  });
  expect(await openMailer({ url: server.url(), from: FROM }).send(mail())).toEqual({
    delivered: false,
    code: 'smtp_550',
  });
});

test('an address is one address, whatever stands in it', async () => {
  const server = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const mailer = openMailer({ url: server.url(), from: FROM });
  await mailer.send(mail({ to: 'a@lethe.test, b@lethe.test' }));
  await mailer.send(mail({ to: 'a@lethe.test>\r\nRCPT TO:<b@lethe.test' }));
  await mailer.send(mail({ to: 'a@lethe.test\r\nBcc: b@lethe.test' }));
  for (const { to } of server.received) expect(to).not.toContain('b@lethe.test');
});

test('without a server each mail lies in a folder, for the owner alone, and one that is sent again lies there once', async () => {
  const { folder, mails } = mailFolder();
  const url = pathToFileURL(join(folder, 'made/when/needed'));
  const mailer = openMailer({ url, from: FROM });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  expect(await mailer.send(mail())).toEqual({ delivered: true });
  const made = join(folder, 'made/when/needed');
  expect(readdirSync(made)).toEqual(['evt_1.eml']);
  expect(statSync(join(made, 'evt_1.eml')).mode & 0o077).toBe(0);
  rmSync(join(folder, 'made'), { recursive: true });
  writeFileSync(join(folder, 'made'), 'a file in the way');
  expect(await mailer.send(mail())).toEqual({ delivered: false, code: 'outbox' });
  expect([...mails().keys()]).toEqual(['made']);
});

test('every status has words of its own, and each mail names the request and nobody else', () => {
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
