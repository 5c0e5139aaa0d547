import type { VariableName } from '../environment.ts';

/** The meaning of each variable, for the help of the commands. */
const VARIABLES = {
  DATABASE_URL: "Lethe's own database: postgres://role:password@host:5432/database. Required.",
  LETHE_CONFIG: 'The configuration file. Default: ./lethe.config.ts.',
  LETHE_DIGEST_KEYS: 'The keys of the digests as id:key, newest first. Required. Never remove a key in use.',
  LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent. Default: info.',
  METRICS_ADDRESS: 'Where metrics are served, without authentication, such as 127.0.0.1:9464. Default: nowhere.',
  LETHE_ARCHIVES: 'The storage of archives: file:… or s3://bucket/prefix. Default: file:./.lethe/archives.',
  LETHE_PUBLIC_URL: 'The URL of the API for its callers and in links. Default: http://127.0.0.1:8080.',
  LETHE_WEBHOOK_NETWORKS: 'Private addresses and ranges that webhooks may reach. Default: none.',
  TEMPORAL_ADDRESS: "The host and port of Temporal's frontend. Default: 127.0.0.1:7233.",
  TEMPORAL_NAMESPACE: 'The namespace in Temporal. Default: default.',
  TEMPORAL_TLS: 'true or false. Default: true with an API key or certificates.',
  TEMPORAL_TLS_CA: 'The certificate of the authority that signed that of Temporal, as PEM.',
  TEMPORAL_TLS_CERT: 'The client certificate for Temporal, as PEM.',
  TEMPORAL_TLS_KEY: 'The key of the client certificate, as PEM.',
  TEMPORAL_API_KEY: 'The API key for Temporal.',
  LETHE_WORKFLOW_BUNDLE:
    'The file that `npm run bundle -- --output FILE` wrote. Default: the worker bundles at its start.',
  HOST: 'The address on which the API listens. Default: 127.0.0.1.',
  PORT: 'The port on which the API listens. Default: 8080.',
  LETHE_TRUSTED_PROXIES: 'Addresses and ranges of proxies whose X-Forwarded-Proto is trusted. Default: none.',
  MAIL_URL: 'smtp://…, smtps://… or a folder as file:… . Default: file:./.lethe/outbox.',
  MAIL_FROM: 'The sender of mails. Default: Lethe <lethe@localhost>.',
} satisfies Record<VariableName, string>;

/** The names of the variables with their meaning. */
export const variablesOf = (...names: readonly VariableName[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, VARIABLES[name]]));

/** The variables that a configuration file names. */
export const NAMED_IN_CONFIG = { "those of env('…')": 'The variables that the configuration file names.' } as const;
