import { Client, Connection } from '@temporalio/client';

/** How to reach Temporal, as the environment says it. */
export interface TemporalConnection {
  readonly address: string;
  readonly namespace: string;
  readonly tls: boolean | { serverRootCACertificate?: Buffer; clientCertPair?: { crt: Buffer; key: Buffer } };
  readonly apiKey?: string;
}

/** Connects at the first call and again whenever needed: the API starts, and accepts requests, without Temporal. */
export function connectTemporal({ address, namespace, tls, apiKey }: TemporalConnection): Client {
  const connection = Connection.lazy({ address, tls, ...(apiKey === undefined ? {} : { apiKey }) });
  return new Client({ connection, namespace });
}
