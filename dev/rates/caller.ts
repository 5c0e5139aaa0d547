import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForTurn } from '../../activities/systems/lanes.ts';
import { connect } from '../../db/client.ts';
import { LANES } from './lanes.ts';

// A process that calls the server in every lane as often as the lane allows, from several steps at once.

const STEPS = 3;

const [databaseUrl = '', serverUrl = '', until = ''] = process.argv.slice(2);
const database = connect(databaseUrl, { connections: 10 });
const endsAt = Number(until);

const call = (lane: string): Promise<void> =>
  new Promise((done, fail) => {
    const answered = (answer: NodeJS.ReadableStream): void => void answer.resume().once('end', () => done());
    request(`${serverUrl}/${lane}`, { method: 'POST' }, answered).once('error', fail).end();
  });

async function repeat(lane: string): Promise<void> {
  const key = { project: 'rates', system: 'server', lane };
  const turn = { sleep: (ms: number) => sleep(ms), longestMs: 600_000, now: () => new Date() };
  while (Date.now() < endsAt) {
    await waitForTurn(database, key, LANES[lane] ?? [], turn);
    await call(lane);
  }
}

const steps = Object.keys(LANES).flatMap((lane) => Array.from({ length: STEPS }, () => repeat(lane)));
await Promise.all(steps);
await database.$client.end();
