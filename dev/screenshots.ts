import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { readCommandLine } from '../config/command-line/command-line.ts';
import { runCommand } from '../config/run-command.ts';
import { workflowIdFor } from '../domain/ids.ts';
import { z } from 'zod';
import { accept, call } from './demo/client.ts';
import { type Stack, startStack } from './demo/stack.ts';

const IMAGES = resolve(import.meta.dirname, '../docs/images');
const COLUMNS = [
  'Status',
  'Workflow ID',
  'LetheKind',
  'LetheStatus',
  'LetheSubjects',
  'LetheDueAt',
  'LetheNeedsAttention',
];
const WAIT_MS = 30_000;
const Current = z.object({ status: z.string() });

const COMMAND = {
  usage: ['npm run screenshots'],
  summary: ["Start the demo's servers, send requests, and write the images of docs/temporal-ui.md."],
  options: {},
  variables: { CHROMIUM_PATH: 'The Chromium to use. Default: /usr/bin/chromium.' },
  examples: ['CHROMIUM_PATH=/opt/chromium npm run screenshots'],
} as const;

await runCommand(async () => {
  readCommandLine(COMMAND);
  const folder = await mkdtemp(join(tmpdir(), 'lethe-screenshots-'));
  const quiet = { report: () => {}, begin: () => {} };
  const stack = await startStack({ scale: 0.02, seed: 1 }, quiet, folder);
  try {
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      chromiumSandbox: process.getuid?.() !== 0,
    });
    try {
      await takeScreenshots(stack, browser);
    } finally {
      await browser.close();
    }
    return 0;
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true });
  }
});

async function takeScreenshots(stack: Stack, browser: Browser): Promise<void> {
  const waiting = await request(stack, { kind: 'deletion' }, 'u-17', 'grace');
  await request(stack, { kind: 'export' }, 'u-18', 'ready');
  await request(stack, { kind: 'deletion', confirm: true }, 'u-19', 'awaiting_confirmation');
  await request(stack, { kind: 'deletion', expedite: { when: 'now', reason: 'ticket 4711' } }, 'u-20', 'completed');

  const page = await browser.newPage({ viewport: { width: 1600, height: 820 } });
  // The UI keeps its columns in the browser's storage.
  const columns = JSON.stringify({ default: COLUMNS.map((label) => ({ label })) });
  await page.addInitScript(`localStorage.setItem('namespace-workflow-table-columns', ${JSON.stringify(columns)})`);
  const workflows = `${stack.uiUrl}/namespaces/default/workflows`;
  await page.goto(`${workflows}?query=${encodeURIComponent('LetheKind IS NOT NULL')}`);
  await page.getByText('awaiting_confirmation').waitFor();
  await page.screenshot({ path: join(IMAGES, 'temporal-list.png') });

  await page.goto(`${workflows}/${workflowIdFor(waiting)}`);
  await page.getByText('reconcileDeletion').first().waitFor();
  await page.screenshot({ path: join(IMAGES, 'temporal-request.png') });
  await page.getByText('User Metadata').click();
  await page.frameLocator('#user-metadata-current-details').getByText('Grace period until').first().waitFor();
  await page.screenshot({ path: join(IMAGES, 'temporal-details.png') });
}

/** Sends a request for one user and waits until it has the status. Returns its id. */
async function request(stack: Stack, fields: object, value: string, status: string): Promise<string> {
  const subjects = { kind: 'user', identities: [{ type: 'user_id', value }] };
  const { id } = await accept(stack, { project: 'demo', regulation: 'gdpr', subjects, ...fields });
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await sleep(200)) {
    const current = await call(stack, Current, `/v1/requests/${id}`);
    if (current.status === status) return id;
  }
  throw new Error(`${id} has not reached the status ${status}`);
}
