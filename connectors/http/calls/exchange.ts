import type { BlockList, LookupFunction } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { AddressRefused, type Guard, guardedLookup, requireAllowedHost } from '../../../outbound/guard.ts';
import { HttpError, type Reason } from '../failure.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A call as it is sent. Authentication changes `url` and `headers`. */
export interface Outgoing {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

export interface Incoming {
  readonly status: number;
  header(name: string): string | null;
  /** The whole body. Empty for a streamed one. */
  readonly bytes: Buffer;
  /** The body of a call with `isStreamed`, to be read once and to its end. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Exchange {
  /** Sends one call and follows no redirect. Throws an `HttpError`, or the reason of the signal. */
  send(outgoing: Outgoing, signal: AbortSignal, isStreamed?: boolean): Promise<Incoming>;
  close(): Promise<void>;
}

interface ExchangeOptions {
  /** Private networks that are allowed, without encryption too. */
  readonly networks: BlockList;
  readonly lookup?: LookupFunction;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Every call of a connector passes here, also those of its authentication. Private addresses are refused at the socket. */
export function createExchange({ networks, lookup, timeoutMs, maxBytes }: ExchangeOptions): Exchange {
  const guard: Guard = { networks, ...(lookup === undefined ? {} : { lookup }) };
  const agents = new Map<string, Agent>();
  const agentFor = (isEncrypted: boolean, isStreamed: boolean): Agent => {
    const key = `${isEncrypted} ${isStreamed}`;
    const agent =
      agents.get(key) ??
      new Agent({
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        maxResponseSize: isStreamed ? -1 : maxBytes,
        allowH2: false,
        connect: { timeout: timeoutMs, lookup: guardedLookup(guard, isEncrypted) },
      });
    agents.set(key, agent);
    return agent;
  };
  return {
    async send({ method, url, headers, body }, signal, isStreamed = false) {
      signal.throwIfAborted();
      // A body that arrives byte by byte passes `bodyTimeout`, so a whole answer has a time limit too.
      const until = isStreamed ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      try {
        requireAllowedHost(guard, url);
        const dispatcher = agentFor(url.protocol === 'https:', isStreamed);
        const answer = await request(url, {
          method,
          headers,
          dispatcher,
          signal: until,
          ...(body === undefined ? {} : { body }),
        });
        if (!isStreamed) return toIncoming(answer, Buffer.from(await answer.body.arrayBuffer()), signal);
        // Nothing reads the body of an error, which would keep the connection.
        if (answer.statusCode >= 300) await answer.body.dump();
        return toIncoming(answer, Buffer.alloc(0), signal);
      } catch (error) {
        signal.throwIfAborted();
        throw toHttpError(error);
      }
    },
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

const toIncoming = (answer: Dispatcher.ResponseData, bytes: Buffer, signal: AbortSignal): Incoming => ({
  status: answer.statusCode,
  header: (name) => {
    const value = answer.headers[name.toLowerCase()];
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
  },
  bytes,
  body: streamOf(answer, signal),
});

/** Reads a streamed body. Its errors are those of `send`. */
async function* streamOf({ body }: Dispatcher.ResponseData, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    signal.throwIfAborted();
    throw toHttpError(error);
  }
}

/** The message of an error can quote the call, so only its code is used. */
function toHttpError(error: unknown): HttpError {
  for (const cause of causesOf(error)) {
    if (cause instanceof HttpError) return cause;
    if (cause instanceof AddressRefused) return new HttpError('private_address');
    const reason = reasonOf(cause);
    if (reason !== undefined) return new HttpError(reason);
  }
  return new HttpError('connection');
}

/** The error and its causes. Libraries wrap the errors of a connection. */
export function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 8; cause = cause.cause) causes.push(cause);
  return causes;
}

function reasonOf(error: Error): Reason | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error.name === 'TimeoutError' || code === 'ETIMEDOUT' || /^UND_ERR_\w+_TIMEOUT$/.test(code)) return 'timeout';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'too_large';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns';
  return TLS.test(code) ? 'tls' : undefined;
}

const TLS = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_)/;
