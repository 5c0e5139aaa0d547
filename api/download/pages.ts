import { createHash } from 'node:crypto';

/** The pages that a link leads to. They load nothing, run nothing, and say nothing of any request. */

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

/** For the Content-Security-Policy: this style, and no other. */
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

// Whoever has the link has everything: no cookie comes with it, so another site's form gains nothing (no CSRF token).
const FORM = '      <form method="post"><button>Download the archive</button></form>';

/** One and the same whatever the link is worth: programs that follow the links in a mail learn nothing, and use up nothing. */
export const OFFER = page(
  'Download an archive',
  `      <p>It holds personal data, as one ZIP file: open <b>index.html</b> in it to begin.</p>
      <p>This link works for one download.</p>
${FORM}
      <p class="quiet">Should the download break off, you can start it again here. Keep the file as safe as what is in it, and delete it when you no longer need it.</p>`,
);

/** Used, in use, revoked, expired, unknown: nobody can tell which. */
export const NOTHING = page(
  'This link does not work',
  `      <p>Perhaps it has been used, its time is over, or it was withdrawn. If a download is under way at this moment, let it finish.</p>
      <p class="quiet">Ask whoever gave you the link for another one.</p>`,
);

export const LATER = page(
  'Not at the moment',
  `      <p>The archive cannot be reached just now. The link has not been used: try again in a minute.</p>
${FORM}`,
);
