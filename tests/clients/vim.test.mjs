// Vim with ALE, set up by the snippet of editors/vim/README.md: a client that can almost nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { installed, pathWithEngramd, runToEnd } from './lib/program.mjs';
import { files, makeWorld, reportsProblems } from './lib/project.mjs';
import { snippets } from './lib/snippet.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const ale = ['/usr/share/vim-ale', process.env.ENGRAMD_ALE].filter(Boolean).find((folder) => fs.existsSync(path.join(folder, 'plugin/ale.vim')));
const skip = !installed('vim') ? 'vim is not installed' : !ale && 'ALE is not installed (vim-ale)';

test('Vim with ALE and the documented snippet', { timeout: 120_000, skip }, async () => {
  const world = makeWorld('vim');
  try {
    fs.writeFileSync(path.join(world.project, 'broken.py'), 'def broken(:\n    return (\n');
    const snippet = path.join(world.root, 'snippet.vim');
    fs.writeFileSync(snippet, snippets(path.join(here, '../../editors/vim/README.md'), 'vim').join('\n'));
    const result = path.join(world.root, 'seen.json');
    const { said } = await runToEnd('vim', ['-u', 'NONE', '-N', '-es', '-S', path.join(here, 'vim/drive.vim')], {
      cwd: world.project, timeout_ms: 100_000,
      env: { ...world.environment, PATH: pathWithEngramd(world), ENGRAMD_SNIPPET: snippet, ENGRAMD_ALE: ale, ENGRAMD_PROJECT: world.project, ENGRAMD_RESULT: result, ENGRAMD_PROBLEMS: reportsProblems ? '1' : '' },
    });
    assert.ok(fs.existsSync(result), said);
    const seen = JSON.parse(fs.readFileSync(result, 'utf8'));
    assert.equal(seen.problem, undefined, `${JSON.stringify(seen)}\n${said}`);
    const target = files['shop/cart.py'].split('\n').findIndex((text) => text.includes('def open_cart_for'));
    assert.equal(seen.definition, `${path.join(world.project, 'shop/cart.py')}:${target + 1}`);
    if (reportsProblems) assert.ok(seen.problems.length > 0, 'the broken file has a problem');
  } finally {
    world.close();
  }
});
