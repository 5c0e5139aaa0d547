/** Where a link to an archive leads. Of `publicUrl`, an origin, config/ has seen to it that it is no more than that. */
export const downloadUrl = (publicUrl: URL, token: string): string => new URL(`/download/${token}`, publicUrl).href;
