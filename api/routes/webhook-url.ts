import { BlockList, isIP } from 'node:net';
import { hostOf, isPublicAddress } from '../../domain/address.ts';
import { bodyError, type ValidationError, invalidRequest } from '../http/validation-errors.ts';

/**
 * What can be told of a URL by reading it. Where its name leads is judged at each connection: it may change any time.
 * `networks`: those that are allowed though they are private, the only ones that are spoken to in clear.
 */
export function webhookUrl(text: string, networks = new BlockList()): string {
  const error = URL.canParse(text) ? urlError(new URL(text), networks) : invalidUrl('invalid_url', 'is no URL');
  if (error !== null) throw invalidRequest([error]);
  return new URL(text).href;
}

function urlError(url: URL, networks: BlockList): ValidationError | null {
  const host = hostOf(url);
  const version = isIP(host);
  const allowed = version !== 0 && networks.check(host, version === 6 ? 'ipv6' : 'ipv4');
  const named = version === 0 && networks.rules.length > 0;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (allowed || named)))
    return invalidUrl('not_https', 'must begin with https://, but in a network that LETHE_WEBHOOK_NETWORKS names');
  if (url.username !== '' || url.password !== '')
    return invalidUrl('credentials', 'must hold neither a name nor a password: what is sent is signed');
  if (version !== 0 && !allowed && !isPublicAddress(host))
    return invalidUrl('private_address', 'leads into a private network that LETHE_WEBHOOK_NETWORKS does not name');
  return null;
}

const invalidUrl = (code: string, detail: string): ValidationError => bodyError('/url', code, detail);
