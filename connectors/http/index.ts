import type { ConnectorDefinition } from '../connector.ts';
import { describe } from './describe.ts';
import { openHttp } from './open.ts';
import type { AnyHttpSettings, HttpKinds, HttpSettings } from './settings.ts';
import { validateSettings } from './validate-settings.ts';

export { bearer, basic, header, query } from './auth/schemes.ts';
export { hmac, sign } from './auth/sign.ts';
export { jwt } from './auth/jwt.ts';
export { login } from './auth/login.ts';
export { oauth2 } from './auth/oauth2.ts';
export { HttpError, notYet, refused, unavailable } from './failure.ts';
export { pages } from './pages.ts';
export { type Path, path } from './path.ts';
export { attested, done, each, failed, findEach, Found, later, pending, verifyAgain } from './results.ts';
export { openHttp } from './open.ts';
export type { Answer, Api } from './calls/types.ts';
export type { Auth } from './auth/auth.ts';
export type { Asked, FoundIds, Left } from './results.ts';
export type {
  About,
  AboutExport,
  AnyHttpSettings,
  Erased,
  HttpFacts,
  HttpKinds,
  HttpSettings,
  OwnedRow,
  PaceWindow,
  Person,
} from './settings.ts';

/** A system with an HTTP API, by typed functions. See docs/connectors.md. */
export function http<const Kinds extends HttpKinds>(settings: HttpSettings<Kinds>): ConnectorDefinition {
  // Only the functions know the identity types; the code that calls them passes people with all of them.
  const any = settings as unknown as AnyHttpSettings;
  return {
    describe: () => describe(any),
    validate: () => validateSettings(any),
    open: (context) => openHttp(any, context),
  };
}
