import { z } from 'zod';

export const temporalShape = {
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_TLS: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  TEMPORAL_TLS_CA: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  TEMPORAL_API_KEY: z.string().optional(),
};

/** What only several variables together show; nothing where none is given. */
export function temporalMistakes(values: Readonly<Record<string, string | undefined>>): string[] {
  const { TEMPORAL_TLS: tls, TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_CERT: crt, TEMPORAL_TLS_KEY: key } = values;
  return [
    ...((crt === undefined) === (key === undefined) ? [] : ['TEMPORAL_TLS_CERT, TEMPORAL_TLS_KEY: go together']),
    ...(tls === 'false' && (ca ?? crt ?? key) !== undefined
      ? ['TEMPORAL_TLS: is false, but certificates are given']
      : []),
  ];
}

/** How to reach Temporal, in the shape that its SDK takes; `namespace` beside it. */
export interface TemporalConnection {
  readonly address: string;
  readonly namespace: string;
  readonly tls: boolean | { serverRootCACertificate?: Buffer; clientCertPair?: { crt: Buffer; key: Buffer } };
  readonly apiKey?: string;
}

export function temporalConnection(env: z.output<z.ZodObject<typeof temporalShape>>): TemporalConnection {
  const { TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_CERT: crt, TEMPORAL_TLS_KEY: key, TEMPORAL_API_KEY: apiKey } = env;
  const certificates = {
    ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
    ...(crt === undefined || key === undefined
      ? {}
      : { clientCertPair: { crt: Buffer.from(crt), key: Buffer.from(key) } }),
  };
  const given = ca !== undefined || crt !== undefined;
  // An API key is never sent in clear unless TEMPORAL_TLS=false says so.
  const encrypted = env.TEMPORAL_TLS === undefined ? given || apiKey !== undefined : env.TEMPORAL_TLS === 'true';
  return {
    address: env.TEMPORAL_ADDRESS,
    namespace: env.TEMPORAL_NAMESPACE,
    tls: given ? certificates : encrypted,
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}
