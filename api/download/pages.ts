import { createHash } from 'node:crypto';

/** The pages of a download link. They load nothing, run no script, and reveal nothing about a request. */

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2429; --quiet: #5a6670; --paper: #fbfaf7; --line: #d9d6cd; --deed: #1f5f5b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --quiet: #a3abb0; --paper: #16191b; --line: #363c40; --deed: #2f7f79; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem 1.25rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 30rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; font-weight: 600; }
p { margin: 0 0 1rem; }
button { margin: .75rem 0 1.75rem; padding: .75rem 1.75rem; border: 0; border-radius: .5rem; background: var(--deed); color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
.quiet { padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .9375rem; }
`;

/** Allows this style and no other in the Content-Security-Policy. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const page = (title: string, content: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex, nofollow">
    <title>${title}</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <main>
      <h1>${title}</h1>
${content}
    </main>
  </body>
</html>
`;

// The form needs no CSRF token: the link alone grants access, and no cookie is involved.
const FORM = '      <form method="post"><button>Download the archive</button></form>';

/** The same page for every link, valid or not: link scanners learn nothing and do not consume the download. */
export const DOWNLOAD_PAGE = page(
  'Download an archive',
  `      <p>The archive is a ZIP file that contains personal data. Unpack it and open <b>index.html</b>.</p>
      <p>This link works for one complete download.</p>
${FORM}
      <p class="quiet">If the download is interrupted, start it again on this page. Store the file in a safe place, and delete it when you no longer need it.</p>`,
);

/** The same page for used, active, revoked, expired and unknown links, so that it reveals nothing about a link. */
export const INVALID_LINK_PAGE = page(
  'This link does not work',
  `      <p>The link has been used, has expired, or was revoked. If a download with this link is running, wait until it finishes.</p>
      <p class="quiet">Ask the person who sent you the link for a new one.</p>`,
);

export const UNAVAILABLE_PAGE = page(
  'The archive is not available now',
  `      <p>The archive cannot be read at the moment. Your link is still valid: try again in a minute.</p>
${FORM}`,
);
