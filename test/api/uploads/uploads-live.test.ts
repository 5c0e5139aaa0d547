import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { listen } from '../../../api/http/http-server.ts';
import { bearerOf, testApi } from '../support/api.ts';
import { queryOf } from './upload.ts';

const api = await testApi();
const server = await listen(api.app, { host: '127.0.0.1', port: 0, drainMs: 5_000 });
afterAll(() => server.drain());

const requests = async () => (await api.sql`SELECT FROM lethe.requests`).length;
const logLines = () => api.log.map((line) => JSON.parse(line) as { status?: number; level: number });
const FILE = `user_id\n${'canary-live\n'.repeat(50)}`;

test.each([
  ['with Content-Length', [`Content-Length: ${FILE.length * 2}\r\n\r\n`, FILE]],
  ['in chunks', [`Transfer-Encoding: chunked\r\n\r\n`, `${FILE.length.toString(16)}\r\n${FILE}\r\n`]],
])('stores nothing when the caller disconnects while it sends a file %s', async (_, parts) => {
  api.log.splice(0);
  api.statements();
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const head = `POST /v1/uploads?${queryOf({})} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${api.owner.token}\r\nContent-Type: text/csv\r\n`;
  socket.write(head + parts.join(''));
  // The call is authenticated, and the body is being read.
  await expect.poll(() => api.statements().length).toBe(1);
  socket.destroy();
  await once(socket, 'close');
  await expect.poll(() => logLines().length).toBe(2);
  expect(logLines()).toMatchObject([
    { status: 422, level: 30 },
    { status: 422, level: 40, code: 'caller_disconnected' },
  ]);
  expect(await requests()).toBe(0);
  expect(api.orchestrator.started).toEqual([]);
  expect(api.log.join('')).not.toContain('canary');
});

test('sends the whole response to a caller that is rejected while it sends a large file', async () => {
  const large = `user_id\n${Array.from({ length: 600_000 }, (_, index) => `u-${index}\n`).join('')}`;
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    const body = 'Transfer-Encoding' in headers ? new Blob([large]).stream() : large;
    const response = await fetch(`${server.url}/v1/uploads?${queryOf({})}`, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { ...bearerOf(api.owner), 'Content-Type': 'text/csv' },
    });
    expect([response.status, await response.json()]).toEqual([
      422,
      expect.objectContaining({ code: 'too_many_subjects', limit: 10_000 }),
    ]);
  }
  expect(await requests()).toBe(0);
});
