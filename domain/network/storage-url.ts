/** Says what is wrong with the URL of a folder, without repeating any part of it. Null when it is valid. */
export const folderUrlError = ({ host, search, hash, pathname }: URL): string | null =>
  host === '' && search === '' && hash === '' && pathname !== '/' && !/%2f|%00/i.test(pathname)
    ? null
    : 'must be a folder such as file:///var/lib/lethe or file:./folder, without host and query';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(\/[\w.-]+)*\/?$/;
const PARAMETERS: readonly string[] = ['region', 'endpoint', 'forcePathStyle'];

/** The same for `s3://bucket/prefix?region=…&endpoint=…&forcePathStyle=true`. */
export const bucketUrlError = ({
  hostname,
  port,
  username,
  password,
  pathname,
  hash,
  searchParams,
}: URL): string | null => {
  if (username !== '' || password !== '') return 'must not contain credentials; use the AWS_ variables or a role';
  if (!BUCKET.test(hostname) || port !== '' || !PREFIX.test(pathname) || hash !== '')
    return 'must be s3://bucket or s3://bucket/prefix';
  if (
    Array.from(searchParams.keys()).some((name, index, all) => !PARAMETERS.includes(name) || all.indexOf(name) < index)
  )
    return `allows only the parameters ${PARAMETERS.join(', ')}, each once`;
  if (!/^[a-z0-9-]+$/.test(searchParams.get('region') ?? 'none')) return 'has an invalid region';
  if (!['true', 'false'].includes(searchParams.get('forcePathStyle') ?? 'false'))
    return 'must have forcePathStyle=true or forcePathStyle=false';
  const endpoint = searchParams.get('endpoint');
  return endpoint === null || isOrigin(endpoint) ? null : 'must have an endpoint of the form https://host[:port]';
};

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}
