import { HttpError } from '../failure.ts';
import type { Api } from '../calls/types.ts';
import type { Auth } from './auth.ts';
import { createAuth } from './schemes.ts';
import { type Token, tokenAuth } from './token.ts';

interface LoginOptions {
  /** Default: `Authorization`. */
  readonly header?: string;
  /** Default: `Bearer `. */
  readonly prefix?: string;
}

/** A call that answers a short-lived token. It is made without authentication; its secrets are entries of `secrets`. */
export const login = (
  logIn: (api: Api) => Promise<Token>,
  { header = 'Authorization', prefix = 'Bearer ' }: LoginOptions = {},
): Auth =>
  createAuth({ secrets: {} }, (tools) =>
    tokenAuth({
      fetchToken: async (signal) => {
        try {
          return await logIn(tools.plainApi(signal));
        } catch (error) {
          throw error instanceof HttpError ? error : new HttpError('no_token');
        }
      },
      apply: ({ headers }, token) => {
        headers[header.toLowerCase()] = `${prefix}${token}`;
      },
    }),
  );
