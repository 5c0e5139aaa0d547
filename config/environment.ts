import { resolve } from 'node:path';
import { z } from 'zod';
import { type Source, processEnvironment, readFileVariants } from './environment-source.ts';
import { archivesUrl, mailbox, mailUrl, publicUrl } from './environment-urls.ts';
import { databaseUrl, digestKeys, logLevel, networks, port, socketAddress } from './environment-variables.ts';
import { temporalConnection, temporalMistakes, temporalShape } from './environment-temporal.ts';

/**
 * What each entry point needs, read once and checked as a whole. Every variable may also be given as NAME_FILE.
 * An error names all variables that are wrong and never shows a value.
 */
export const apiEnvironment = (source: Source = processEnvironment()) =>
  read(
    source,
    {
      ...lethe,
      ...temporalShape,
      HOST: z.string().default('127.0.0.1'),
      PORT: port.default(8080),
      LETHE_TRUSTED_PROXIES: networks,
    },
    (env) => ({
      ...common(env),
      temporal: temporalConnection(env),
      host: env.HOST,
      port: env.PORT,
      trustedProxies: env.LETHE_TRUSTED_PROXIES,
    }),
  );
export type ApiEnvironment = ReturnType<typeof apiEnvironment>;

export const workerEnvironment = (source: Source = processEnvironment()) =>
  read(
    source,
    {
      ...lethe,
      ...temporalShape,
      MAIL_URL: mailUrl,
      MAIL_FROM: mailbox,
    },
    (env) => ({
      ...common(env),
      temporal: temporalConnection(env),
      secret: secretsOf(source),
      mail: { url: env.MAIL_URL, from: env.MAIL_FROM },
    }),
  );
export type WorkerEnvironment = ReturnType<typeof workerEnvironment>;

export const migrateEnvironment = (source: Source = processEnvironment()) =>
  read(source, { DATABASE_URL: databaseUrl }, (env) => ({ databaseUrl: env.DATABASE_URL }));

/** For `npm run check` and `npm run processor-sql`: the file, and the secrets that it names. */
export const deploymentEnvironment = (source: Source = processEnvironment()) =>
  read(source, { LETHE_CONFIG: configPath }, (env) => ({
    configPath: resolve(env.LETHE_CONFIG),
    secret: secretsOf(source),
  }));

/** For the demo: what is given wins, what is absent is started or made. */
export const demoEnvironment = (source: Source = processEnvironment()) =>
  read(
    source,
    {
      DATABASE_URL: databaseUrl.optional(),
      TEMPORAL_ADDRESS: z.string().optional(),
      LETHE_DIGEST_KEYS: z.string().optional(),
      PORT: port.optional(),
    },
    (env) => ({
      databaseUrl: env.DATABASE_URL,
      temporalAddress: env.TEMPORAL_ADDRESS,
      digestKeys: env.LETHE_DIGEST_KEYS,
      port: env.PORT,
    }),
  );

/** The environment of a child process: this one's, with changes. */
export function childEnvironment(changes: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = Object.entries(processEnvironment()).flatMap(([name, value]) =>
    value === undefined || changes[name.replace(/_FILE$/, '')] !== undefined ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(inherited), ...changes };
}

const configPath = z.string().default('./lethe.config.ts');
const lethe = {
  DATABASE_URL: databaseUrl,
  LETHE_CONFIG: configPath,
  LETHE_DIGEST_KEYS: digestKeys,
  LOG_LEVEL: logLevel,
  METRICS_ADDRESS: socketAddress.optional(),
  LETHE_ARCHIVES: archivesUrl,
  LETHE_PUBLIC_URL: publicUrl,
  LETHE_WEBHOOK_NETWORKS: networks,
};

const common = (env: z.output<z.ZodObject<typeof lethe>>) => ({
  databaseUrl: env.DATABASE_URL,
  configPath: resolve(env.LETHE_CONFIG),
  digestKeys: env.LETHE_DIGEST_KEYS,
  logLevel: env.LOG_LEVEL,
  metricsAddress: env.METRICS_ADDRESS,
  archives: env.LETHE_ARCHIVES,
  publicUrl: env.LETHE_PUBLIC_URL,
  webhookNetworks: env.LETHE_WEBHOOK_NETWORKS,
});

/** The only way from `env('NAME')` in lethe.config.ts to a value. */
const secretsOf =
  (source: Source) =>
  (name: { readonly env: string }): string => {
    const value = readFileVariants(source, [name.env]).values[name.env];
    if (value === undefined) throw new Error(`${name.env} is not set (lethe.config.ts names it)`);
    return value;
  };

function read<Shape extends z.ZodRawShape, Result>(
  source: Source,
  shape: Shape,
  result: (env: z.output<z.ZodObject<Shape>>) => Result,
): Result {
  const { values, mistakes } = readFileVariants(source, Object.keys(shape));
  const parsed = z.object(shape).safeParse(values);
  // A variable whose file cannot be read is told once, not also as missing.
  const wrong =
    parsed.error?.issues.filter(
      (issue) => !mistakes.some((mistake) => mistake.startsWith(`${String(issue.path[0])}:`)),
    ) ?? [];
  const all = [
    ...mistakes,
    ...wrong.map((issue) => `${String(issue.path[0])}: ${issue.message}`),
    ...temporalMistakes(values),
  ];
  if (all.length > 0 || !parsed.success)
    throw new Error(`the environment is not complete:\n${all.map((line) => `  ${line}`).join('\n')}`);
  return result(parsed.data);
}
