import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { jsonLimits } from '../../../api/http/body/json-limits.ts';
import { listen } from '../../../api/http/http-server.ts';
import { documentOf } from '../openapi/document.ts';
import { bearerOf, deletionOf, PROJECT, testApi, user } from '../support/api.ts';

const api = await testApi();

/** A body that counts the bytes that the API takes of it. */
function countedBody(chunks: number, chunk: Uint8Array) {
  const taken = { bytes: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken.bytes >= chunks * chunk.length) return controller.close();
        taken.bytes += chunk.length;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken };
}
const MEGABYTE = new Uint8Array(1_000_000).fill(0x20);

async function send(method: string, path: string, headers: Record<string, string>, chunks = 12, chunk = MEGABYTE) {
  const { body, taken } = countedBody(chunks, chunk);
  const response = await api.app.request(path, { method, headers, body, duplex: 'half' } as RequestInit, {
    incoming: { socket: api.peer },
  });
  const json = (await response.json()) as { status: number; code: string };
  return { status: json.status, code: json.code, bytes: taken.bytes };
}
const JSON_TYPE = { 'Content-Type': 'application/json' };

test('reads no byte of a body before the token of its caller is checked', async () => {
  const wrong = { Authorization: `Bearer ${api.owner.token.slice(0, -1)}x` };
  for (const [path, type] of [
    ['/v1/requests', JSON_TYPE],
    ['/v1/holds', JSON_TYPE],
    ['/v1/uploads?project=demo', { 'Content-Type': 'text/csv' }],
    ['/v1/nothing-here', JSON_TYPE],
  ] as const)
    for (const authorization of [{}, wrong])
      expect(await send('POST', path, { ...type, ...authorization })).toEqual({
        status: 401,
        code: 'unauthorized',
        bytes: 0,
      });
});

test('reads no byte of a body when the rate limit is exceeded', async () => {
  const limited = await testApi({ project: { ...PROJECT, policy: { ...PROJECT.policy, callsPerMinute: 1 } } });
  await limited.call('GET', '/v1/members');
  const { body, taken } = countedBody(12, MEGABYTE);
  const init = { method: 'POST', headers: { ...JSON_TYPE, ...bearerOf(limited.owner) }, body, duplex: 'half' };
  const response = await limited.app.request('/v1/requests', init as RequestInit, {
    incoming: { socket: limited.peer },
  });
  expect([response.status, taken.bytes]).toEqual([429, 0]);
});

test('stops to read a body at the limit and at another media type', async () => {
  const bearer = bearerOf(api.owner);
  const large = await send('POST', '/v1/requests', { ...JSON_TYPE, ...bearer });
  expect(large).toEqual({ status: 413, code: 'body_too_large', bytes: 11_000_000 });
  const declared = await send('POST', '/v1/requests', { ...JSON_TYPE, ...bearer, 'Content-Length': '12000000' });
  expect(declared).toEqual({ status: 413, code: 'body_too_large', bytes: 0 });
  const csv = await send('POST', '/v1/requests', { 'Content-Type': 'text/csv', ...bearer });
  expect(csv).toEqual({ status: 415, code: 'unsupported_media_type', bytes: 0 });
});

test('rejects a body for every operation that takes none, and reads at most its first piece', async () => {
  const { paths } = await documentOf(api.app);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { requestBody }]) => requestBody === undefined && path.startsWith('/v1/'))
      .map(([method]) => ({ method: method.toUpperCase(), path })),
  );
  expect(operations.length).toBeGreaterThan(20);
  const seen = new Set<string>();
  for (const { method, path } of operations) {
    // The ids belong to no object: below `/requests/{id}` that is said first.
    const url = path.replaceAll(/\{\w+\}/g, 'unknown');
    const headers = { ...bearerOf(api.owner), 'Content-Length': '5' };
    const declared = await api.call(method, url, undefined, headers);
    seen.add(`${declared.status} ${Reflect.get(declared.json ?? {}, 'code')}`);
    if (method === 'GET') continue;
    const { status, bytes } = await send(method, url, bearerOf(api.owner), 12, MEGABYTE);
    expect([method, path, [400, 404].includes(status), bytes <= 1_000_000]).toEqual([method, path, true, true]);
  }
  expect([...seen].toSorted()).toEqual(['400 unexpected_body', '404 request_not_found']);
  expect((await api.call('DELETE', '/v1/holds/unknown', undefined, { 'Content-Length': '0' })).status).toBe(404);
});

describe('the limits of JSON', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const check = (...pieces: readonly string[]) => {
    const limits = jsonLimits();
    for (const piece of pieces) limits(Buffer.from(piece));
  };

  test('rejects nesting before it is parsed', async () => {
    for (const levels of [33, 200_000, 4_000_000]) {
      const answer = await api.call('POST', '/v1/requests', nested(levels));
      expect(answer.json).toMatchObject({ status: 400, code: 'json_too_complex' });
    }
    expect((await api.call('POST', '/v1/requests', nested(32))).json).toMatchObject({ status: 422 });
    const inText = deletionOf([user(nested(400))], { expedite: { when: 'next_run', reason: `"\\${'{'.repeat(90)}` } });
    expect((await api.call('POST', '/v1/requests', inText)).status).toBe(202);
  });

  test('rejects too many fields, objects and digits', async () => {
    const fields = `{${Array.from({ length: 101 }, (_, index) => `"f${index}":0`).join(',')}}`;
    for (const body of [
      fields,
      `[${'[],'.repeat(600_000)}0]`,
      `{"a":${'9'.repeat(101)}}`,
      `{"a":-1e${'0'.repeat(101)}}`,
    ])
      expect((await api.call('POST', '/v1/requests', body)).json).toMatchObject({ code: 'json_too_complex' });
  });

  test('follows texts and escapes over the borders of pieces', () => {
    const body = JSON.stringify({ a: `\\"${'['.repeat(40)}`, b: '\\' });
    expect(() => {
      check(...Array.from(body));
    }).not.toThrow();
    expect(() => {
      check('{"a":"\\', '""', '['.repeat(33));
    }).toThrow('levels');
  });
});

test('rejects a body that is not valid UTF-8 instead of replacing characters', async () => {
  const body = Buffer.from(JSON.stringify(deletionOf([user('caf\u00e9')])), 'latin1');
  const init = { method: 'POST', headers: { ...JSON_TYPE, ...bearerOf(api.owner) }, body };
  const response = await api.app.request('/v1/requests', init, { incoming: { socket: api.peer } });
  expect(await response.json()).toMatchObject({ status: 400, code: 'malformed_json' });
});

/** Sends 10 MB over each of 60 connections without a token, and reports the first answers. Runs in a thread of its own. */
const SENDER = `
const { connect } = require('node:net');
const { parentPort, workerData: port } = require('node:worker_threads');
const piece = Buffer.alloc(100_000, 0x20);
const head = 'POST /v1/requests HTTP/1.1\\r\\nHost: lethe\\r\\nContent-Type: application/json\\r\\n';
const answers = [];
for (let caller = 0; caller < 60; caller += 1) {
  const isChunked = caller % 2 === 1;
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.once('data', (data) => answers.push(data.toString().slice(0, 12)));
  socket.write(head + (isChunked ? 'Transfer-Encoding: chunked' : 'Content-Length: 10000000') + '\\r\\n\\r\\n');
  let sent = 0;
  const send = () => {
    if (socket.destroyed || sent === 95) return;
    sent += 1;
    if (isChunked) socket.write('186a0\\r\\n');
    socket.write(piece, () => setTimeout(send, 2));
    if (isChunked) socket.write('\\r\\n');
  };
  send();
}
setInterval(() => {
  if (answers.length === 60) parentPort.postMessage(answers);
}, 300);
`;

test('keeps less than 20 MB while 60 callers without a token send 10 MB each', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const server = await listen(api.app, { host: '127.0.0.1', port: 0 });
  const kept = () => {
    // The second run frees what the first one found.
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = kept();
  const sender = new Worker(SENDER, { eval: true, workerData: Number(new URL(server.url).port) });
  const answered = once(sender, 'message') as Promise<[string[]]>;
  let most = 0;
  for (let round = 0; round < 15; round += 1) {
    await sleep(60);
    most = Math.max(most, kept());
  }
  expect(most - before).toBeLessThan(20_000_000);
  const [answers] = await answered;
  await sender.terminate();
  await server.drain();
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 401']));
});
