import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import { etag } from 'hono/etag';
import type { AppEnv } from '../deps.ts';
import { ERROR_CODES, ERROR_STATUS, type ErrorCode } from '../../domain/errors.ts';
import { PROBLEMS, PROBLEMS_INTRODUCTION, problemsPage } from '../http/problems.ts';

/** Swagger UI, served from node_modules. The page loads nothing from other hosts and has no inline script or style. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Lethe API</title>
    <link rel="icon" href="/docs/favicon.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/init.js"></script>
  </body>
</html>
`;

/** `persistAuthorization: false` keeps an entered token out of the browser's storage. */
const INIT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
`;

const PROBLEMS_CSS = `body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h2 { margin-top: 2rem; font: 600 1.1rem ui-monospace, monospace; }
h2:target { background: #fff3bf; }
code { font-family: ui-monospace, monospace; }
`;

/** The page that the `type` of a problem links to. Each code is an anchor. */
const renderProblems = (): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Problems · Lethe API</title>
    <link rel="icon" href="/docs/favicon.png">
    <link rel="stylesheet" href="/docs/problems.css">
  </head>
  <body>
    <h1>Problems</h1>
    <p>${renderText(PROBLEMS_INTRODUCTION)}</p>
${ERROR_CODES.map(renderSection).join('\n')}
  </body>
</html>
`;

const renderSection = (code: ErrorCode): string => {
  const { title, advice } = PROBLEMS[code];
  return `    <h2 id="${code}">${code}</h2>
    <p><strong>${ERROR_STATUS[code]} ${renderText(title)}.</strong> ${renderText(advice)}</p>`;
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The texts use no Markdown except code spans. */
const renderText = (text: string): string =>
  text.replaceAll(/[&<>]/g, (char) => ENTITIES[char] ?? char).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const readSwaggerUi = (name: string) => () =>
  readFile(join(dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')), name));

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const HTML = 'text/html; charset=utf-8';

const FILES: Readonly<Record<string, readonly [type: string, read: () => string | Promise<Uint8Array<ArrayBuffer>>]>> =
  {
    '/': [HTML, () => PAGE],
    '/init.js': [JAVASCRIPT, () => INIT],
    '/swagger-ui-bundle.js': [JAVASCRIPT, readSwaggerUi('swagger-ui-bundle.js')],
    '/swagger-ui.css': [CSS, readSwaggerUi('swagger-ui.css')],
    '/favicon.png': ['image/png', readSwaggerUi('favicon-32x32.png')],
    '/problems': [HTML, renderProblems],
    '/problems.css': [CSS, () => PROBLEMS_CSS],
    '/problems.md': ['text/markdown; charset=utf-8', problemsPage],
  };

export function docs(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(etag());
  for (const [path, [type, read]] of Object.entries(FILES)) {
    app.get(path, async (c) => {
      // The browser revalidates by ETag, so that it shows a new version of Lethe immediately.
      c.header('Cache-Control', 'no-cache');
      c.header('Content-Type', type);
      return c.body(await read());
    });
  }
  return app;
}
