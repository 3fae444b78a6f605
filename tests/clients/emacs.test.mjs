// Emacs with eglot in batch, set up by the snippets of editors/emacs/README.md.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { installed, pathWithEngramd, runToEnd } from './lib/program.mjs';
import { files, isOwnServer, makeWorld, redTest } from './lib/project.mjs';
import { snippets } from './lib/snippet.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

test('Emacs with the documented snippet', { timeout: 120_000, skip: installed('emacs') ? false : 'emacs is not installed' }, async () => {
  const world = makeWorld('emacs');
  try {
    for (const [name, text] of Object.entries(redTest)) fs.writeFileSync(path.join(world.project, name), text);
    const snippet = path.join(world.root, 'snippet.el');
    fs.writeFileSync(snippet, snippets(path.join(here, '../../editors/emacs/README.md'), 'elisp').join('\n'));
    // -q and not -Q: Debian's packages are set up by the site start.
    const { said } = await runToEnd('emacs', ['-q', '--batch', '-l', path.join(here, 'emacs/drive.el')], {
      cwd: world.project, timeout_ms: 100_000, env: { ...world.environment, PATH: pathWithEngramd(world), ENGRAMD_SNIPPET: snippet, ENGRAMD_PROJECT: world.project },
    });
    const line = said.split('\n').find((text) => text.startsWith('SEEN '));
    assert.ok(line, said);
    const seen = JSON.parse(line.slice(5));
    assert.equal(seen.problem, undefined, said);
    if (isOwnServer) assert.equal(seen.server, 'engramd');
    assert.match(seen.hover, /open_cart_for/);
    assert.match(seen.symbols, /"main"/);
    const target = files['shop/cart.py'].split('\n').findIndex((text) => text.includes('def open_cart_for'));
    assert.equal(seen.definition, `${path.join(world.project, 'shop/cart.py')}:${target + 1}`);
    if (!isOwnServer) return;
    assert.equal(seen.fixed, redTest['shop/discount.py'].replace('total > 100', 'total >= 100'));
    assert.equal(seen.unsaved, true);
    assert.equal(fs.readFileSync(path.join(world.project, 'shop/discount.py'), 'utf8'), redTest['shop/discount.py'], 'nothing was written');
  } finally {
    world.close();
  }
});
