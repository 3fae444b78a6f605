// editors/workbench.mjs - a real VS Code (code-server) in a real browser (Chromium), driven by keys and clicks.
//
//   const bench = await Workbench.start({ world, folder, vsix: [...], settings, screenshots });
//   await bench.open('app.py');  await bench.command('engramd: Fix failing tests');  await bench.picture('fix');
//
// Every profile is fresh: extensions are installed by code-server itself from the .vsix, as a user would.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';

const tools = process.env.ENGRAMD_EDITOR_TOOLS;
const node = process.execPath;
const START_TIMEOUT_MS = 90_000;
export const STEP_TIMEOUT_MS = Number(process.env.ENGRAMD_CLIENT_TIMEOUT_MS ?? 60_000);
const kSize = { width: 1280, height: 800 };

const codeServer = () => path.join(tools, 'node_modules/code-server/out/node/entry.js');

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export const browserProgram = () => ['/usr/bin/chromium', process.env.ENGRAMD_CHROMIUM].filter(Boolean).find((file) => fs.existsSync(file));

export class Workbench {
  static async start(options) {
    const bench = new Workbench();
    try {
      await bench.begin(options);
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  async begin({ world, folder, vsix, settings = {}, environment = {}, screenshots, trust = true }) {
    this.screenshots = screenshots;
    this.taken = 0;
    fs.mkdirSync(screenshots, { recursive: true });
    const profile = path.join(world.root, 'code');
    const folders = ['--user-data-dir', path.join(profile, 'data'), '--extensions-dir', path.join(profile, 'extensions')];
    fs.mkdirSync(path.join(profile, 'data/User'), { recursive: true });
    // Nothing about engramd here but what a test asks for: the rest keeps the picture still.
    fs.writeFileSync(path.join(profile, 'data/User/settings.json'), JSON.stringify({
      'files.autoSave': 'off', 'workbench.startupEditor': 'none', 'telemetry.telemetryLevel': 'off', 'chat.disableAIFeatures': true,
      'workbench.secondarySideBar.defaultVisibility': 'hidden', 'editor.minimap.enabled': false, 'workbench.tips.enabled': false,
      'extensions.ignoreRecommendations': true, 'git.openRepositoryInParentFolders': 'never', ...settings,
    }, null, 1));
    this.environment = { ...world.environment, ...environment, PASSWORD: '' };
    const run = (...args) => execFileSync(node, [codeServer(), ...folders, ...args], { env: this.environment, encoding: 'utf8', timeout: START_TIMEOUT_MS });
    this.installed = vsix.map((file) => run('--install-extension', file));
    const port = await freePort();
    this.output = '';
    // A group of its own: the extension hosts are its children, and outlive the browser.
    this.server = spawn(node, [codeServer(), ...folders, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check',
      ...(trust ? ['--disable-workspace-trust'] : []), folder], { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.server.stdout, this.server.stderr]) stream.on('data', (chunk) => { this.output = (this.output + chunk).slice(-20_000); });
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const alive = await fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false);
      if (alive) break;
      if (Date.now() > deadline || this.server.exitCode !== null) throw new Error(`code-server did not start: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { chromium } = createRequire(path.join(tools, 'package.json'))('playwright-core');
    this.browser = await chromium.launch({ executablePath: browserProgram(), args: ['--no-sandbox', '--disable-gpu'], env: this.environment });
    const context = await this.browser.newContext({ viewport: kSize, permissions: ['clipboard-read', 'clipboard-write'] });
    this.page = await context.newPage();
    this.page.setDefaultTimeout(STEP_TIMEOUT_MS);
    await this.page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`);
    await this.page.waitForSelector('.monaco-workbench .part.statusbar', { timeout: START_TIMEOUT_MS });
    await this.page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: START_TIMEOUT_MS });
  }

  async close() {
    await this.browser?.close().catch(() => {});
    if (!this.server) return;
    const ended = new Promise((resolve) => this.server.once('exit', resolve));
    try {
      process.kill(-this.server.pid, 'SIGTERM');
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10_000))]);
      process.kill(-this.server.pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }

  // Kept as output of the test, in order, for somebody to look at.
  async picture(name) {
    this.taken += 1;
    const file = path.join(this.screenshots, `${String(this.taken).padStart(2, '0')}-${name}.png`);
    // What fades in has come by then.
    await this.page.waitForTimeout(300);
    await this.page.screenshot({ path: file });
    return file;
  }

  async key(...names) {
    for (const name of names) await this.page.keyboard.press(name);
  }

  type(text) { return this.page.keyboard.type(text, { delay: 30 }); }

  // Polls in the page until the function gives something.
  async until(what, work, timeout_ms = STEP_TIMEOUT_MS) {
    const deadline = Date.now() + timeout_ms;
    for (;;) {
      const found = await work();
      if (found) return found;
      if (Date.now() > deadline) {
        await this.picture(`failed-${what.replace(/\W+/g, '-').slice(0, 40)}`);
        throw new Error(`${what}: nothing within ${timeout_ms} ms`);
      }
      await this.page.waitForTimeout(100);
    }
  }

  async quickInput(text) {
    const input = this.page.locator('.quick-input-widget:visible input.input').first();
    await input.waitFor();
    await input.fill(text);
    return input;
  }

  async open(file, line, column) {
    await this.key('Control+p');
    await this.quickInput(file);
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: path.basename(file) }).first().click();
    await this.until(`tab ${file}`, async () => (await this.activeTab()).includes(path.basename(file)));
    await this.page.locator('.editor-instance .view-lines .view-line').first().waitFor();
    if (line) await this.goTo(line, column);
  }

  async goTo(line, column = 1) {
    await this.key('Control+g');
    await this.quickInput(`:${line}:${column}`);
    await this.key('Enter');
    // The column is told in cells on the screen there; the line will do.
    await this.until(`cursor at line ${line}`, async () => (await this.statusText()).includes(`Ln ${line}, `));
  }

  async command(title) {
    await this.key('F1');
    await this.quickInput(`>${title}`);
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first();
    await row.waitFor();
    await row.click();
  }

  async statusText() { return (await this.page.locator('.part.statusbar').innerText()).replaceAll('\u00a0', ' ').replace(/\s+/g, ' '); }

  // The item of the extension in the status bar: what it says, and what stands beside the mouse over it.
  statusItem() { return this.page.locator('.statusbar-item[id="engramd.engramd.engramd.status"], .statusbar-item[id*="engramd.status"]').first(); }

  // The pieces of the hover at the cursor that say `text`, one for each provider; asked again until one of them says `mark` too.
  async hoverRows(text, mark = text) {
    const hover = this.page.locator('.monaco-editor .monaco-hover:visible', { hasText: mark }).first();
    await this.until(`hover with ${mark}`, async () => {
      await this.key('Escape', 'Control+k', 'Control+i');
      return hover.waitFor({ timeout: 3000 }).then(() => true, () => false);
    });
    // Late answers are added to the same hover.
    await this.page.waitForTimeout(1500);
    const rows = await hover.locator('.hover-row').allInnerTexts();
    return rows.filter((row) => row.includes(text) && !/^loading/i.test(row.trim()));
  }

  // Waits until the extension is attached and the index is there.
  attached() {
    const item = this.statusItem();
    return this.until('the attached extension', async () => /engramd$/.test((await item.innerText().catch(() => '')).trim()) && !/warning|sync/.test(await item.innerHTML()));
  }

  async notification(text) {
    const found = this.page.locator('.notification-toast', { hasText: text }).first();
    await found.waitFor();
    return found;
  }

  async press(notification, button) {
    await notification.locator('.monaco-button', { hasText: button }).first().click();
  }

  // Title of the tab on show; empty while there is none.
  activeTab() {
    return this.page.evaluate(() => [...document.querySelectorAll('.tabs-container .tab[aria-selected="true"]')].map((tab) => tab.getAttribute('aria-label') ?? tab.textContent).join(' '));
  }

  // The text of the visible lines of the focused editor, with ordinary blanks.
  async lines() {
    const texts = await this.page.locator('.editor-instance .view-lines .view-line').allInnerTexts();
    return texts.map((text) => text.replaceAll('\u00a0', ' '));
  }
}
