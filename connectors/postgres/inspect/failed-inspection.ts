import { ConnectorError } from '../../connector.ts';
import type { Context } from '../context.ts';
import { PostgresError } from '../failure.ts';

/** Says what an operator has to do when the server cannot be inspected. Names role, host and database, never the password. */
export function explainFailure(error: unknown, { settings, server }: Context): unknown {
  if (!(error instanceof PostgresError)) return error;
  const { env } = settings.url;
  const message = URL.canParse(server.url)
    ? reasonOf(error.sqlState, new URL(server.url), env)
    : `the value of ${env} is not a URL such as postgres://role:password@host:5432/database`;
  const { code, retryable } = error;
  return new ConnectorError(code, `${message}; nothing was inspected`, { retryable });
}

function reasonOf(sqlState: string, url: URL, env: string): string {
  const role = decode(url.username) || 'that runs this command';
  const address = `${url.hostname || '127.0.0.1'}:${url.port || '5432'}`;
  switch (sqlState) {
    case '28P01':
      return `the server at ${address} rejects the password of the role ${role}; correct ${env}`;
    case '28000':
      return `the server at ${address} does not let the role ${role} in; correct ${env}, or allow the role in pg_hba.conf`;
    case '3D000':
      return `the server at ${address} has no database ${decode(url.pathname.slice(1))}; correct ${env}, or create it`;
    case '42501':
      return `the role ${role} lacks a right; run as an administrator: npm run system-sql -- --role ${role}`;
    case '53300':
      return `the server at ${address} has no free connection; raise max_connections or close some`;
    case '57P03':
      return `the server at ${address} is starting or stopping; try again`;
    case '57014':
    case '55P03':
      return `the server at ${address} took too long, or a lock blocks the catalog; try again when it is less busy`;
    case 'ECONNREFUSED':
      return `nothing listens at ${address}; start the server, or correct ${env}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${url.hostname} cannot be resolved; correct ${env}, or check the network`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${address} does not answer; correct ${env}, or allow this machine in the firewall`;
    case '':
      return `the connection to ${address} was lost or took longer than 10 seconds; check ${env} and the network`;
    default:
      return `the server at ${address} refuses the inspection (${sqlState}); check ${env} and the log of the server`;
  }
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
