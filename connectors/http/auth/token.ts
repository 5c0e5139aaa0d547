import type { Outgoing } from '../calls/exchange.ts';
import { HttpError } from '../failure.ts';
import type { OpenAuth } from './auth.ts';

export interface Token {
  readonly token: string;
  readonly expiresInMs: number;
}

/** A token is replaced before it ends, because a call can be on its way when it does. */
const EARLY_MS = 30_000;

interface TokenOptions {
  fetchToken(signal: AbortSignal): Promise<Token>;
  apply(outgoing: Outgoing, token: string): void;
}

/** Keeps a token per worker until it ends. Calls that need a new one at the same time share one refresh. */
export function tokenAuth({ fetchToken, apply }: TokenOptions): OpenAuth {
  let current: { readonly token: string; readonly until: number } | null = null;
  let refresh: Promise<string> | null = null;
  const used = new WeakMap<Outgoing, string>();

  async function refreshToken(): Promise<string> {
    // The signal of one call must not end the refresh that others wait for.
    const { token, expiresInMs } = await fetchToken(new AbortController().signal);
    if (typeof token !== 'string' || token === '') throw new HttpError('no_token');
    current = { token, until: performance.now() + Math.max(expiresInMs - EARLY_MS, expiresInMs / 2) };
    return token;
  }

  async function tokenOf(): Promise<string> {
    if (current !== null && performance.now() < current.until) return current.token;
    refresh ??= refreshToken().finally(() => {
      refresh = null;
    });
    return refresh;
  }

  return {
    async apply(outgoing) {
      const token = await tokenOf();
      used.set(outgoing, token);
      apply(outgoing, token);
    },
    renew(outgoing) {
      // Another call may have replaced the token already.
      if (current?.token === used.get(outgoing)) current = null;
      return true;
    },
  };
}

export const applyBearer = ({ headers }: Outgoing, token: string): void => {
  headers['authorization'] = `Bearer ${token}`;
};
