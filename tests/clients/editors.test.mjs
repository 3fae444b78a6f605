// VS Code itself (code-server in Debian's Chromium), with the extension installed from the package that users get.
// Pictures of each step are kept in build/editors-screenshots for somebody to look at.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { before } from 'node:test';
import { packClangdExtension } from './editors/clangd_extension.mjs';
import { browserProgram, Workbench } from './editors/workbench.mjs';
import { pathWithEngramd } from './lib/program.mjs';
import { files, makeWorld, redTest, reportsProblems } from './lib/project.mjs';
import { require } from './lib/schema.mjs';

const { LLMock } = require('@copilotkit/aimock');
const root = process.env.ENGRAMD_SOURCE;
const screenshots = path.join(root, 'build/editors-screenshots');
const version = JSON.parse(fs.readFileSync(path.join(root, 'editors/vscode/package.json'), 'utf8')).version;
const vsix = (kind) => path.join(root, `dist/engramd-vscode-${version}-${kind}.vsix`);
const skip = browserProgram() ? false : 'Chromium is not installed (scripts/dependencies clients)';

before(() => {
  fs.rmSync(screenshots, { recursive: true, force: true });
  if (!skip && !process.env.ENGRAMD_KEEP_VSIX) execFileSync(path.join(root, 'scripts/package-vscode'), { stdio: 'inherit' });
});

const place = (file, needle, offset = 0) => {
  const lines = files[file].split('\n');
  const line = lines.findIndex((text) => text.includes(needle));
  return [line + 1, lines[line].indexOf(needle) + 1 + offset];
};

function commit(world) {
  const git = (...args) => execFileSync('git', ['-C', world.project, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { env: world.environment });
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', 'more');
}

// A fresh world and VS Code in it; `body` gets both. Pictures go into a folder of their own.
async function inVscode(name, { prepare = () => {}, ...options }, body) {
  const world = makeWorld(name);
  let bench;
  try {
    await prepare(world);
    commit(world);
    bench = await Workbench.start({ world, folder: world.project, environment: { PATH: '/usr/bin:/bin' }, screenshots: path.join(screenshots, name), ...(typeof options.more === 'function' ? options.more(world) : {}), ...options });
    await body(bench, world);
  } finally {
    if (bench) {
      await bench.picture('last').catch(() => {});
      await bench.close();
    }
    // The daemon was started from the package or from PATH; both have one socket.
    world.close();
  }
}

test('the package that carries the program: a clean profile, nothing but the .vsix', { timeout: 600_000, skip }, async (t) => {
  // No engramd on PATH: the one in the package is used.
  const prepare = (world) => {
    for (const [name, text] of Object.entries(redTest)) fs.writeFileSync(path.join(world.project, name), text);
    fs.writeFileSync(path.join(world.project, 'broken.py'), 'def broken(:\n    return (\n');
  };
  await inVscode('package', { vsix: [vsix('linux-x64')], prepare }, async (bench, world) => {
    const { page } = bench;

    await t.test('it installs', () => assert.match(bench.installed[0], /successfully installed/));

    await t.test('the status item tells model, index and memory', async () => {
      await bench.open('app.py');
      const item = bench.statusItem();
      await bench.until('the status item', async () => /engramd$/.test((await item.innerText().catch(() => '')).trim()) && !/warning/.test(await item.innerHTML()));
      await item.hover();
      const hover = page.locator('.monaco-hover:visible, .workbench-hover:visible', { hasText: 'Model' }).first();
      await hover.waitFor();
      await bench.until('the index in the status', async () => /Index: project: [\d,]+ files/.test((await hover.innerText()).replaceAll('\u00a0', ' ')));
      assert.match((await hover.innerText()).replaceAll('\u00a0', ' '), /Memory: \d+ MB/);
      await bench.picture('status');
    });

    await t.test('hover', async () => {
      await bench.open('app.py', ...place('app.py', 'open_cart_for("ada")', 2));
      await bench.key('Control+k', 'Control+i');
      const hover = page.locator('.monaco-editor .monaco-hover:visible', { hasText: 'open_cart_for' }).first();
      await hover.waitFor();
      assert.match(await hover.innerText(), /owner/);
      await bench.picture('hover');
      await bench.key('Escape');
    });

    await t.test('F12 goes to the definition', async () => {
      await bench.goTo(...place('app.py', 'open_cart_for("ada")', 2));
      await bench.key('F12');
      const [line] = place('shop/cart.py', 'def open_cart_for');
      await bench.until('the definition', async () => (await bench.activeTab()).includes('cart.py') && (await bench.statusText()).includes(`Ln ${line},`));
      await bench.picture('definition');
    });

    await t.test('a problem in the syntax is marked', { skip: reportsProblems ? false : 'engramd reports no problems yet' }, async () => {
      await bench.open('broken.py');
      await page.locator('.squiggly-error').first().waitFor();
      await bench.command('View: Focus Problems');
      await page.locator('.markers-panel .monaco-list-row', { hasText: 'engramd' }).first().waitFor();
      await bench.picture('problem');
      await bench.key('Control+j');
      await page.locator('.markers-panel').first().waitFor({ state: 'hidden' });
    });

    await t.test('ghost text is shown and accepted', async () => {
      await bench.open('app.py');
      await bench.key('Control+End');
      await bench.key('Enter');
      await bench.type('print("total price of the cart');
      const ghost = page.locator('.ghost-text, .ghost-text-decoration').first();
      await bench.until('ghost text', async () => {
        if (await ghost.isVisible().catch(() => false)) return true;
        await bench.key('Backspace');
        await bench.type('t');  // the same text again
        await page.waitForTimeout(800);
        return false;
      });
      await bench.picture('ghost-text');
      await bench.key('Tab');
      await bench.until('the accepted line', async () => (await bench.lines()).some((text) => text.includes('print("total price of the cart:"')));
      assert.ok(!(await bench.lines()).some((text) => /\)"\)$/.test(text.trimEnd())), 'what VS Code had closed is not closed twice');
      await bench.picture('accepted');
      await bench.key('Control+s');
    });

    await t.test('fix failing tests: progress, review, one hunk accepted', async () => {
      await bench.command('engramd: Fix failing tests');
      await bench.quickInput('/usr/bin/python3 -m pytest -q');
      await bench.picture('test-command');
      await bench.key('Enter');
      await page.locator('.notification-toast', { hasText: 'Fix failing tests' }).first().waitFor();
      await bench.picture('working');
      const toast = await bench.notification('Nothing is written yet');
      await bench.until('the diff', async () => (await bench.activeTab()).includes('discount.py'));
      await page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
      await bench.picture('diff');
      const file = path.join(world.project, 'shop/discount.py');
      const before = fs.readFileSync(file, 'utf8');
      await bench.press(toast, 'Choose hunks');
      await page.locator('.refactor-preview, .bulk-edit-panel').first().waitFor();
      await bench.picture('choose-hunks');
      assert.equal(fs.readFileSync(file, 'utf8'), before, 'nothing is written before it is accepted');
      const panel = page.locator('.refactor-preview, .bulk-edit-panel').first();
      await panel.locator('.monaco-list-row', { hasText: 'total >= 100' }).first().locator('input[type="checkbox"], .monaco-checkbox, .edit-checkbox').first().click();
      await bench.picture('hunk-ticked');
      await page.locator('.monaco-button', { hasText: 'Apply' }).first().click();
      await bench.until('the changed file', async () => (await bench.activeTab()).includes('discount.py'));
      await bench.until('the change in the buffer', async () => (await bench.lines()).some((text) => text.includes('if total >= 100:')));
      await bench.picture('accepted-hunk');
      await bench.command('File: Save All');
      await bench.until('the saved file', () => fs.readFileSync(file, 'utf8').includes('if total >= 100:'));
      execFileSync('/usr/bin/python3', ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'], { cwd: world.project, env: world.environment });
    });

    await t.test('the menu and the walkthrough', async () => {
      await bench.statusItem().click();
      await page.locator('.quick-input-widget .monaco-list-row', { hasText: 'Choose the model' }).first().waitFor();
      await bench.picture('menu');
      await page.locator('.quick-input-widget .monaco-list-row', { hasText: 'Getting started' }).first().click();
      await page.locator('.gettingStartedContainer', { hasText: 'Get started with engramd' }).first().waitFor();
      await page.waitForTimeout(1000);
      await bench.picture('walkthrough');
    });
  });
});

// The model behind an address: npm's aimock plays these turns over real HTTP. Two files change.
const kTurns = [
  { text: 'The comparison leaves out one hundred.', call: ['replace_symbol', { path: 'shop/discount.py', symbol: 'discount_for', text: redTest['shop/discount.py'].replace('total > 100', 'total >= 100') }] },
  { text: '', call: ['replace_symbol', { path: 'shop/cart.py', symbol: 'open_cart_for', text: 'def open_cart_for(owner):\n    """A new cart."""\n    return Cart(owner)\n' }] },
  { text: '', call: ['run_tests', {}] },
  { text: '', call: ['finish', { summary: 'A discount begins at one hundred.' }] },
];

test('a chat model behind an address: two files, one accepted, one rejected', { timeout: 600_000, skip }, async () => {
  const mock = new LLMock({ port: 0, host: '127.0.0.1' });
  kTurns.forEach(({ text, call: [name, given] }, turnIndex) => mock.addFixture({
    match: { turnIndex }, response: { content: text || undefined, toolCalls: [{ id: `call_${turnIndex}`, name, arguments: JSON.stringify(given) }] },
  }));
  await mock.start();
  const prepare = (world) => {
    for (const [name, text] of Object.entries(redTest)) fs.writeFileSync(path.join(world.project, name), text);
    const config = path.join(world.environment.XDG_CONFIG_HOME, 'engramd');
    fs.mkdirSync(config, { recursive: true });
    fs.writeFileSync(path.join(config, 'config.toml'), `[agent]\nmodel = "${mock.url}/v1#scripted"\n`);
  };
  try {
    await inVscode('chat-model', { vsix: [vsix('linux-x64')], prepare }, async (bench, world) => {
      const { page } = bench;
      await bench.open('test_discount.py');
      await bench.attached();
      await page.locator('.activitybar .action-label[aria-label*="engramd"]').first().click();
      await page.locator('.pane-body', { hasText: 'nothing is written until you accept it' }).first().waitFor();
      await bench.picture('view');
      await bench.command('engramd: Work on an issue');
      await bench.quickInput('A total of exactly one hundred gets no discount.');
      await bench.key('Enter');
      await page.locator('.quick-input-widget', { hasText: 'Test command' }).first().waitFor();
      await bench.quickInput('/usr/bin/python3 -m pytest -q -p no:cacheprovider');
      await bench.key('Enter');
      await bench.notification('Nothing is written yet');
      const onShow = async () => ['discount.py', 'cart.py'].find((name) => bench.title.includes(name));
      const tab = (name) => bench.until(`the diff of ${name}`, async () => (bench.title = await bench.activeTab()).includes(name));
      await bench.until('a diff', async () => { bench.title = await bench.activeTab(); return onShow(); });
      const first = await onShow(), second = first === 'cart.py' ? 'discount.py' : 'cart.py';
      await page.locator('.pane-body .monaco-list-row', { hasText: 'discount.py' }).first().waitFor();
      await page.locator('.pane-body .monaco-list-row', { hasText: 'cart.py' }).first().waitFor();
      await bench.picture('two-files');
      const decide = (name) => page.locator(`.editor-actions .action-label[aria-label*="${name === 'discount.py' ? 'Accept' : 'Reject'} the proposal"]`).first().click();
      await decide(first);
      await tab(second);
      await bench.picture('second-file');
      await decide(second);
      await bench.until('both decided', async () => {
        const text = await page.locator('.pane-body .monaco-list').first().innerText();
        return /accepted/.test(text) && /rejected/.test(text);
      });
      await bench.command('File: Save All');
      await bench.until('the accepted file', () => fs.readFileSync(path.join(world.project, 'shop/discount.py'), 'utf8').includes('total >= 100'));
      assert.equal(fs.readFileSync(path.join(world.project, 'shop/cart.py'), 'utf8'), files['shop/cart.py'], 'what was rejected is as before');
      await bench.picture('decided');
    });
  } finally {
    await mock.stop().catch(() => {});
  }
});

// VS Code takes PATH from the user's login shell, so that is where it is set.
function onPath(world) {
  const PATH = pathWithEngramd(world);
  for (const name of ['.profile', '.bashrc']) fs.writeFileSync(path.join(world.environment.HOME, name), `export PATH='${PATH}'\n`);
  return { environment: { PATH } };
}

test('the small package: without the program a message with buttons, with it on PATH the same as ever', { timeout: 600_000, skip }, async (t) => {
  await inVscode('missing', { vsix: [vsix('universal')] }, async (bench) => {
    const { page } = bench;
    const toast = await bench.notification('was not found on PATH');
    await bench.until('the status item', async () => /engramd is missing/.test(await bench.statusItem().innerText()));
    await bench.picture('message');
    await bench.press(toast, 'Open settings');
    await page.locator('.settings-editor', { hasText: 'Path of the engramd program' }).first().waitFor();
    await bench.picture('settings');
  });
  await t.test('on PATH; killed, it is started again', async () => {
    await inVscode('on-path', { vsix: [vsix('universal')], more: onPath }, async (bench, world) => {
      await bench.open('app.py');
      await bench.attached();
      // Status 1 says that none runs, which is so for a moment.
      const daemon = () => JSON.parse(spawnSync(process.env.ENGRAMD_BINARY, ['status', '--json'], { env: world.environment, encoding: 'utf8' }).stdout);
      const { pid } = daemon();
      process.kill(pid, 'SIGKILL');
      await bench.until('another daemon', () => { const now = daemon(); return now.pid !== undefined && now.pid !== pid; });
      await bench.attached();
      await bench.goTo(...place('app.py', 'open_cart_for("ada")', 2));
      await bench.until('the definition after the restart', async () => {
        await bench.key('F12');
        await bench.page.waitForTimeout(500);
        return (await bench.activeTab()).includes('cart.py');
      });
    });
  });
});

const clangd = ['clangd', 'clangd-19', 'clangd-14'].find((name) => spawnSync(name, ['--version']).status === 0);

for (const mode of ['auto', 'always']) {
  test(`beside other servers, navigation ${mode}`, { timeout: 600_000, skip: skip || (clangd ? false : 'clangd is not installed') }, async (t) => {
    const once = mode === 'auto' ? 1 : 2;
    const prepare = (world) => fs.writeFileSync(path.join(world.project, 'compile_flags.txt'), '-std=c++17\n');
    await inVscode(`beside-${mode}`, {
      prepare, settings: { 'engramd.navigation': mode }, more: (world) => ({ vsix: [packClangdExtension(path.join(world.root, 'clangd'), clangd), vsix('linux-x64')] }),
    }, async (bench) => {
      const { page } = bench;
      await t.test('clangd: hover and symbols', async () => {
        await bench.open('geometry.cpp', ...place('src/geometry.cpp', 'area_of_rectangle(const', 3));
        await bench.attached();
        const rows = await bench.hoverRows('area_of_rectangle', 'function');
        await bench.picture('clangd-hover');
        assert.equal(rows.length, once, rows.join('; '));
        await bench.key('Escape', 'Control+Shift+o');
        const listed = page.locator('.quick-input-widget .monaco-list-row', { hasText: 'twice_the_area' });
        await listed.first().waitFor();
        await page.waitForTimeout(1000);
        if (mode === 'auto') assert.equal(await listed.count(), 1);
        await bench.picture('clangd-symbols');
        await bench.key('Escape', 'Control+t');
        await bench.quickInput('#area_of_rectangle');
        const found = page.locator('.quick-input-widget .monaco-list-row', { hasText: 'area_of_rectangle' });
        await found.first().waitFor();
        await page.waitForTimeout(1500);
        const places = await found.allInnerTexts();
        if (mode === 'auto') assert.equal(new Set(places).size, places.length, places.join('; '));
        await bench.picture('clangd-workspace-symbols');
        await bench.key('Escape');
      });
      await t.test('clangd: definition', async () => {
        await bench.goTo(...place('src/geometry.cpp', 'area_of_rectangle(rectangle)', 3));
        await bench.key('F12');
        // One definition is gone to; several would be listed in a peek.
        if (mode === 'auto') await bench.until('the definition', async () => (await bench.statusText()).includes(`Ln ${place('src/geometry.cpp', 'area_of_rectangle(const')[0]},`));
        await bench.picture('clangd-definition');
      });
      await t.test("VS Code's own TypeScript", async () => {
        await bench.open('page.ts', ...place('web/page.ts', 'formatMoney({', 3));
        const rows = await bench.hoverRows('formatMoney', '(alias)');
        await bench.picture('typescript-hover');
        assert.equal(rows.length, once, rows.join('; '));
      });
      await t.test('a language that nobody else knows is answered', async () => {
        await bench.open('app.py', ...place('app.py', 'open_cart_for("ada")', 2));
        assert.equal((await bench.hoverRows('open_cart_for')).length, 1);
      });
    });
  });
}
