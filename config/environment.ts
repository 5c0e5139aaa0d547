import { existsSync, readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { parseNetwork } from '../domain/network/network.ts';
import { archivesUrl, mailbox, mailUrl, publicUrl, socketAddress, temporalAddress } from './url-variables.ts';

/** Variables by name, as in process.env. */
export type Source = Readonly<Record<string, string | undefined>>;

/** process.env plus the variables of `.env` in the working directory. A variable that is already set wins. */
function processEnvironment(): Source {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
  } catch (error) {
    throw new Error(`${resolve('.env')} cannot be read. Make it a readable file, or remove it.`, { cause: error });
  }
  return process.env;
}

/** Returns the environment of this process with `changes`, for a child process. */
export function childEnvironment(changes: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = Object.entries(processEnvironment()).flatMap(([name, value]) =>
    value === undefined || changes[name.replace(/_FILE$/, '')] !== undefined ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(inherited), ...changes };
}

// Every check sets its own message, because the messages of zod can show the value.

const databaseUrl = z
  .string({ error: 'is not set' })
  .refine((value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value), {
    error: 'must be a URL that begins with postgres://',
  });

const port = z
  .string()
  .refine((value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535, { error: 'must be a port number' })
  .transform(Number);

interface DigestKey {
  readonly id: string;
  readonly key: Buffer;
}
const CREATE_KEY = `create one with: echo "k1:$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')"`;
const DIGEST_KEY = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]+)={0,2}$/;

/** `id:base64url,id2:…`, newest first. The first key makes digests; the others still find existing ones (rule 11). */
const digestKeys = z
  .string({ error: `is not set; ${CREATE_KEY}` })
  .transform((value, context): readonly DigestKey[] => {
    const keys = value.split(',').map((part) => DIGEST_KEY.exec(part.trim()));
    const parsed = keys.flatMap((match) =>
      match?.[1] && match[2] ? [{ id: match[1], key: Buffer.from(match[2], 'base64url') }] : [],
    );
    const error =
      parsed.length < keys.length
        ? `must be "id:key" with the key in base64url, or several separated by commas; ${CREATE_KEY}`
        : parsed.some(({ key }) => key.length < 32)
          ? `each key must have at least 32 bytes; ${CREATE_KEY}`
          : new Set(parsed.map(({ id }) => id)).size < parsed.length
            ? 'two keys have the same id'
            : null;
    if (error === null) return parsed;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });

/** IP addresses and ranges (`10.0.0.0/8`), separated by commas. Empty by default. */
const networks = z
  .string()
  .default('')
  .transform((value, context): BlockList => {
    const list = new BlockList();
    const entries = value.split(',').flatMap((part) => part.trim() || []);
    for (const [index, network] of entries.entries())
      if (!addNetwork(list, network))
        context.addIssue({
          code: 'custom',
          message: `entry ${index + 1}: invalid IP address or CIDR range`,
        });
    return list;
  });

function addNetwork(list: BlockList, text: string): boolean {
  const network = parseNetwork(text);
  if (network !== null) list.addSubnet(network.address, network.prefix, network.family);
  return network !== null;
}

/** Every variable that Lethe reads. Each can also be set as NAME_FILE, the path of a file that holds the value. */
const Environment = z.object({
  DATABASE_URL: databaseUrl,
  LETHE_CONFIG: z.string().default('./lethe.config.ts'),
  LETHE_DIGEST_KEYS: digestKeys,
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    })
    .default('info'),
  METRICS_ADDRESS: socketAddress.optional(),
  LETHE_ARCHIVES: archivesUrl,
  LETHE_PUBLIC_URL: publicUrl,
  LETHE_WEBHOOK_NETWORKS: networks,
  TEMPORAL_ADDRESS: temporalAddress.default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_TLS: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  TEMPORAL_TLS_CA: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  TEMPORAL_API_KEY: z.string().optional(),
  LETHE_WORKFLOW_BUNDLE: z
    .string()
    .refine((path) => existsSync(path), { error: 'no such file; create it with: npm run bundle -- --output FILE' })
    .optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(8080),
  LETHE_TRUSTED_PROXIES: networks,
  MAIL_URL: mailUrl,
  MAIL_FROM: mailbox,
});
type Environment = z.output<typeof Environment>;

const ApiVariables = Environment.omit({ MAIL_URL: true, MAIL_FROM: true, LETHE_WORKFLOW_BUNDLE: true });
const WorkerVariables = Environment.omit({ HOST: true, PORT: true, LETHE_TRUSTED_PROXIES: true });

export type VariableName = keyof Environment;
/** The variables that the API and the worker read, for their help. */
export const API_VARIABLES = ApiVariables.keyof().options;
export const WORKER_VARIABLES = WorkerVariables.keyof().options;

/** Each entry point validates its own variables once. The API never reads a secret of the worker. */
export function apiEnvironment(source: Source = processEnvironment()) {
  const env = read(source, ApiVariables);
  return { ...common(env), host: env.HOST, port: env.PORT, trustedProxies: env.LETHE_TRUSTED_PROXIES };
}
export type ApiEnvironment = ReturnType<typeof apiEnvironment>;

export function workerEnvironment(source: Source = processEnvironment()) {
  const env = read(source, WorkerVariables);
  const { MAIL_URL: url, MAIL_FROM: from, LETHE_WORKFLOW_BUNDLE: bundle } = env;
  return {
    ...common(env),
    secret: secretsOf(source),
    mail: { url, from },
    workflowBundle: bundle === undefined ? null : resolve(bundle),
  };
}
export type WorkerEnvironment = ReturnType<typeof workerEnvironment>;

export const migrateEnvironment = (source: Source = processEnvironment()) => ({
  databaseUrl: read(source, Environment.pick({ DATABASE_URL: true })).DATABASE_URL,
});

/** For the commands that read lethe.config.ts: its path, and the secrets that it names. */
export const deploymentEnvironment = (source: Source = processEnvironment()) => ({
  configPath: resolve(read(source, Environment.pick({ LETHE_CONFIG: true })).LETHE_CONFIG),
  secret: secretsOf(source),
});

const DemoVariables = z.object({
  DATABASE_URL: databaseUrl.optional(),
  TEMPORAL_ADDRESS: temporalAddress.optional(),
  LETHE_DIGEST_KEYS: z.string().optional(),
  PORT: port.optional(),
});

/** For the demo, which starts or creates what is not set. */
export function demoEnvironment(source: Source = processEnvironment()) {
  const env = read(source, DemoVariables);
  return {
    databaseUrl: env.DATABASE_URL,
    temporalAddress: env.TEMPORAL_ADDRESS,
    digestKeys: env.LETHE_DIGEST_KEYS,
    port: env.PORT,
  };
}

const common = (
  env: Pick<Environment, keyof z.output<typeof ApiVariables> & keyof z.output<typeof WorkerVariables>>,
) => ({
  databaseUrl: env.DATABASE_URL,
  configPath: resolve(env.LETHE_CONFIG),
  digestKeys: env.LETHE_DIGEST_KEYS,
  logLevel: env.LOG_LEVEL,
  metricsAddress: env.METRICS_ADDRESS,
  archives: env.LETHE_ARCHIVES,
  publicUrl: env.LETHE_PUBLIC_URL,
  webhookNetworks: env.LETHE_WEBHOOK_NETWORKS,
  temporal: temporalConnection(env),
});

/** The connection options of Temporal's SDK, and the namespace. */
interface TemporalConnection {
  readonly address: string;
  readonly namespace: string;
  readonly tls: boolean | { serverRootCACertificate?: Buffer; clientCertPair?: { crt: Buffer; key: Buffer } };
  readonly apiKey?: string;
}

function temporalConnection(env: Pick<Environment, keyof Environment & `TEMPORAL_${string}`>): TemporalConnection {
  const { TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_CERT: crt, TEMPORAL_TLS_KEY: key, TEMPORAL_API_KEY: apiKey } = env;
  const certificates = {
    ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
    ...(crt === undefined || key === undefined
      ? {}
      : { clientCertPair: { crt: Buffer.from(crt), key: Buffer.from(key) } }),
  };
  const hasCertificates = ca !== undefined || crt !== undefined;
  // An API key is sent unencrypted only with TEMPORAL_TLS=false.
  const isEncrypted =
    env.TEMPORAL_TLS === undefined ? hasCertificates || apiKey !== undefined : env.TEMPORAL_TLS === 'true';
  return {
    address: env.TEMPORAL_ADDRESS,
    namespace: env.TEMPORAL_NAMESPACE,
    tls: hasCertificates ? certificates : isEncrypted,
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

/** Errors in the combination of variables. Empty for an entry point that does not read them. */
function temporalErrors(values: Source): string[] {
  const { TEMPORAL_TLS: tls, TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_CERT: crt, TEMPORAL_TLS_KEY: key } = values;
  return [
    ...((crt === undefined) === (key === undefined)
      ? []
      : ['TEMPORAL_TLS_CERT, TEMPORAL_TLS_KEY: set both or neither']),
    ...(tls === 'false' && (ca ?? crt ?? key) !== undefined
      ? ['TEMPORAL_TLS: is false, but TEMPORAL_TLS_CA, _CERT or _KEY is set']
      : []),
  ];
}

/** Reads the value of `env('NAME')` in the configuration file. */
const secretsOf =
  (source: Source) =>
  (name: { readonly env: string }): string => {
    const value = readFileVariants(source, [name.env]).values[name.env];
    if (value === undefined) {
      const { LETHE_CONFIG: file = './lethe.config.ts' } = readFileVariants(source, ['LETHE_CONFIG']).values;
      throw new Error(`${name.env} is not set; ${file} reads it with env('${name.env}')`);
    }
    return value;
  };

/** Throws one error that lists every invalid variable. It never shows a value. */
function read<Schema extends z.ZodObject>(source: Source, schema: Schema): z.output<Schema> {
  const { values, errors } = readFileVariants(source, Object.keys(schema.shape));
  const parsed = schema.safeParse(values);
  // A variable whose file cannot be read is reported once, not also as missing.
  const invalid =
    parsed.error?.issues.filter((issue) => !errors.some((error) => error.startsWith(`${String(issue.path[0])}:`))) ??
    [];
  const all = [
    ...errors,
    ...invalid.map((issue) => `${String(issue.path[0])}: ${issue.message}`),
    ...temporalErrors(values),
  ];
  if (all.length > 0 || !parsed.success)
    throw new Error(`invalid environment:\n${all.map((line) => `  ${line}`).join('\n')}`);
  return parsed.data;
}

/** Reads each variable from NAME, or from the file at NAME_FILE. An empty value counts as unset. */
function readFileVariants(
  source: Source,
  names: readonly string[],
): { values: Record<string, string | undefined>; errors: string[] } {
  const values: Record<string, string | undefined> = {};
  const errors: string[] = [];
  for (const name of names) {
    const direct = source[name] || undefined;
    const file = source[`${name}_FILE`] || undefined;
    if (direct !== undefined && file !== undefined)
      errors.push(`${name}: set twice, as ${name} and as ${name}_FILE; remove one`);
    else if (file === undefined) values[name] = direct;
    else {
      const text = contentOf(file);
      if (text === null) errors.push(`${name}: the file at ${name}_FILE cannot be read`);
      else values[name] = text || undefined;
    }
  }
  return { values, errors };
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
