import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { entryPoint } from '../../config/entry-point.ts';
import { Receipt, Subjects, accept, call, openDeletions } from './client.ts';
import { compare } from './compare.ts';
import { figuresOf, sum } from './figures.ts';
import { type Stack, startStack, type Teller } from './stack.ts';
import { chooseSubjects } from './subjects.ts';
import { paint, watch } from './watch.ts';

/** Housekeeping finds within two minutes what lost its workflow together with Temporal's state. */
const PATIENCE_MS = 120_000;

/** `npm run demo [-- --once] [-- --scale N]`: everything up, and one deletion seen through from acceptance to receipt. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      scale: { type: 'string', default: '0.2' },
      seed: { type: 'string', default: '1' },
    },
  });
  const interrupt = new AbortController();
  const interrupted = once(interrupt.signal, 'abort');
  // A second signal finds no listener and ends this process at once; what it started ends with it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  console.log(paint('bold', 'Lethe: a deletion, from acceptance to receipt'));
  const data = { scale: Number(values.scale), seed: Number(values.seed) };
  const stack = await startStack(data, teller());
  try {
    const equal = await Promise.race([deletion(stack), interrupted]);
    if (typeof equal !== 'boolean') return 130;
    if (!values.once) {
      tellMore(stack);
      await Promise.race([interrupted, untilOneEnds(stack, interrupt.signal)]);
    }
    return equal ? 0 : 1;
  } finally {
    console.log('\nstopping what was started');
    await stack.stop();
  }
}

async function deletion(stack: Stack): Promise<boolean> {
  await finishEarlier(stack);
  const { userIds, identities } = await chooseSubjects(stack.demoUrl);
  const seeded = sum(await Promise.all(userIds.map((userId) => figuresOf(stack.demoUrl, userId))));
  const { id } = await accept(stack, {
    project: 'demo',
    kind: 'deletion',
    regulation: 'gdpr',
    subjects: { kind: 'user', identities: identities.map(({ type, value }) => ({ type, value })) },
    suppress: true,
  });
  console.log(`\nPOST /v1/requests → ${paint('bold', id)}`);
  for (const { type, value, why } of identities)
    console.log(`  ${type.padEnd(12)} ${[value].flat().join(', ').padEnd(40)} ${paint('dim', why)}`);
  console.log('');
  await watch(stack, id);
  const receipt = await call(stack, Receipt, `/v1/requests/${id}/receipt`);
  const outcomes = Object.entries(receipt.outcomes)
    .toSorted(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`\nGET /v1/requests/${id}/receipt\n  identities: ${outcomes.join(', ')}`);
  const { items } = await call(stack, Subjects, `/v1/requests/${id}/subjects`);
  const withRetained = items.filter(({ outcome, retained }) => outcome === 'deleted' && retained.length > 0);
  console.log(`  ${withRetained.length} of the deleted have retained rows\n`);
  const { lines, equal } = compare(receipt, seeded);
  for (const line of lines) console.log(line);
  const verdict = `the receipt ${equal ? 'equals' : 'does NOT equal'} what was seeded`;
  console.log(paint(['bold', equal ? 'green' : 'red'], `\n  ${equal ? '✓' : '✗'} ${verdict}`));
  return equal;
}

/** A demo that was killed has left a deletion behind, whose subjects it owns: its rows and its workflow go on. */
async function finishEarlier(stack: Stack): Promise<void> {
  const earlier = await openDeletions(stack);
  if (earlier.length > 0) console.log(`  earlier      ${earlier.join(', ')} goes on where it was stopped`);
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(500)) {
    stack.assertAlive();
    if ((await openDeletions(stack)).length === 0) return;
  }
}

/** Lines of what there is; on a terminal the last one says what is on its way. */
function teller(): Teller {
  const out = process.stdout;
  const wipe = out.isTTY ? '\r\u001b[2K' : '';
  return {
    say: (line) => out.write(`${wipe}  ${line}\n`),
    begin: (what) => out.isTTY && out.write(`${wipe}  ${paint('dim', `${what} …`)}`),
  };
}

function tellMore({ apiUrl, uiUrl, token }: Stack): void {
  console.log(`
  API          ${apiUrl}   (what it can: ${apiUrl}/openapi.json)
  Temporal UI  ${uiUrl ?? 'that of your own Temporal'}

${paint('bold', 'Next, one by yourself')}, in another terminal:

  export TOKEN=${token}

  curl -i ${apiUrl}/v1/requests \\
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{"project":"demo","kind":"deletion","regulation":"gdpr",
         "subjects":{"kind":"user","identities":[{"type":"user_id","value":"u-17"}]}}'

and, ten seconds later, with the location that it answered:

  curl ${apiUrl}/v1/requests/req_…/receipt -H "Authorization: Bearer $TOKEN"

It stays up until Ctrl-C.`);
}

/** Throws, naming it, when a process ends that should not. */
async function untilOneEnds(stack: Stack, signal: AbortSignal): Promise<void> {
  for (; !signal.aborted; await sleep(500)) stack.assertAlive();
}

await entryPoint(main);
