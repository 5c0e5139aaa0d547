/** Where a link to an archive leads. A path in front, such as a proxy's, is kept; a query or a fragment is not. */
export function downloadUrl(publicUrl: URL, token: string): string {
  const folder = publicUrl.pathname.replace(/\/$/, '');
  return new URL(`${folder}/download/${token}`, publicUrl).href;
}
