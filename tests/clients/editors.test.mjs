// VS Code itself (code-server in Debian's Chromium), with the extension installed from the package that users get.
// Pictures of each step are kept in build/editors-screenshots for somebody to look at.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { before } from 'node:test';
import { browserProgram, Workbench } from './editors/workbench.mjs';
import { files, makeWorld, redTest } from './lib/project.mjs';

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

test('the package that carries the program: a clean profile, nothing but the .vsix', { timeout: 600_000, skip }, async (t) => {
  const world = makeWorld('code');
  let bench;
  try {
    for (const [name, text] of Object.entries(redTest)) fs.writeFileSync(path.join(world.project, name), text);
    const git = (...args) => execFileSync('git', ['-C', world.project, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { env: world.environment });
    git('add', '-A');
    git('commit', '-q', '-m', 'a discount');
    // No engramd on PATH: the one in the package is used.
    const environment = { PATH: '/usr/bin:/bin' };
    bench = await Workbench.start({ world, folder: world.project, vsix: [vsix('linux-x64')], environment, screenshots });
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

    await t.test('ghost text is shown and accepted', async () => {
      await bench.open('app.py');
      await bench.key('Control+End');
      await bench.key('Enter');
      await bench.type('print("total price');
      const ghost = page.locator('.ghost-text, .ghost-text-decoration').first();
      await bench.until('ghost text', async () => {
        if (await ghost.isVisible().catch(() => false)) return true;
        await bench.key('Backspace');
        await bench.type('e');
        await page.waitForTimeout(800);
        return false;
      });
      await bench.picture('ghost-text');
      await bench.key('Tab');
      await bench.until('the accepted line', async () => (await bench.lines()).some((text) => text.includes('print("total price of the cart')));
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
  } finally {
    if (bench) {
      await bench.picture('last').catch(() => {});
      await bench.close();
    }
    // The daemon was started from the package.
    world.close();
  }
});
