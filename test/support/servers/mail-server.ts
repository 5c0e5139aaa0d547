import { once } from 'node:events';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll } from 'vitest';

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
  readonly secure: boolean;
  readonly user: string | null;
}

/** Starts a local mail server that records each mail. */
export async function mailServer(options: SMTPServerOptions = {}, host = '127.0.0.1') {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    ...options,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          message: Buffer.concat(chunks).toString('utf8'),
          secure: session.secure,
          user: session.user ?? null,
        });
        done();
      });
    },
  });
  // The client also receives these errors, which tests provoke.
  server.on('error', () => undefined);
  server.listen(0, host);
  await once(server.server, 'listening');
  afterAll(() => server.close());
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { received, port, url: (credentials = '') => new URL(`smtp://${credentials}${host}:${port}`) };
}
