import { expect, test } from 'vitest';
import { problemsPage } from '../../../api/http/problems.ts';
import { ERROR_STATUS } from '../../../domain/errors.ts';
import { testApi } from '../support/api.ts';

const api = await testApi();
const { app } = api;
const get = async (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });
const loadedBy = (page: string): readonly string[] =>
  [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

test('serves /docs with local files only and without inline scripts', async () => {
  const page = await get('/docs');
  expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('Content-Security-Policy')).toBe(POLICY);
  const html = await page.text();
  expect(html).not.toMatch(/<script(?! src=)|<style|style=| on[a-z]+=|https?:/);
  const files = await Promise.all(loadedBy(html).map(async (path) => ({ path, response: await get(path) })));
  expect(
    files.map(({ path, response }) => `${path} ${response.status} ${response.headers.get('Content-Type')}`),
  ).toEqual([
    '/docs/favicon.png 200 image/png',
    '/docs/swagger-ui.css 200 text/css; charset=utf-8',
    '/docs/swagger-ui-bundle.js 200 text/javascript; charset=utf-8',
    '/docs/init.js 200 text/javascript; charset=utf-8',
  ]);
  const [icon, css, bundle, init] = await Promise.all(files.map(({ response }) => response.text()));
  expect(icon).toContain('PNG');
  expect(css).toContain('.swagger-ui');
  expect(bundle).toContain('SwaggerUIBundle');
  expect(init).toContain("url: '/openapi.json'");
  expect(init).toContain('persistAuthorization: false');
  expect(init).toContain('validatorUrl: null');
});

test('returns 304 for an unchanged file and 404 for other files of the package', async () => {
  const first = await get('/docs/swagger-ui-bundle.js');
  expect(first.headers.get('Cache-Control')).toBe('no-cache');
  const again = await get('/docs/swagger-ui-bundle.js', { 'If-None-Match': first.headers.get('ETag') ?? '' });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe('');
  expect((await get('/docs/swagger-ui-bundle.js', { 'If-None-Match': '"another"' })).status).toBe(200);
  const outside = [
    '/docs/package.json',
    '/docs/swagger-initializer.js',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e/app.ts',
  ];
  const statuses = await Promise.all(outside.map(async (path) => (await get(path)).status));
  expect(statuses).toEqual([404, 404, 404, 404]);
});

test('links the type of a problem to the section of its code', async () => {
  const { json } = await api.call('GET', '/v1/requests/req_unknown');
  const [path, anchor] = (json as { type: string }).type.split('#');
  expect(anchor).toBe('request_not_found');
  const page = await get(path ?? '');
  expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('Content-Security-Policy')).toBe(POLICY);
  const html = await page.text();
  const anchors = [...html.matchAll(/<h2 id="([a-z_]+)">/g)].map(([, id]) => id);
  expect(new Set(anchors)).toEqual(new Set(Object.keys(ERROR_STATUS)));
  expect(anchors).toHaveLength(Object.keys(ERROR_STATUS).length);
  expect(html).not.toMatch(/`|<script|<style|style=/);
  const files = await Promise.all(loadedBy(html).map(async (file) => (await get(file)).status));
  expect(files).toEqual([200, 200]);
  expect(await (await get('/docs/problems.md')).text()).toBe(problemsPage());
});

test('forbids browsers to load anything from an API response', async () => {
  const responses = await Promise.all(
    ['/v1/requests', '/openapi.json', '/healthz', '/nowhere'].map((path) => get(path)),
  );
  expect(responses.map(({ headers }) => headers.get('Content-Security-Policy'))).toEqual(
    responses.map(() => "default-src 'none'; frame-ancestors 'none'"),
  );
});
