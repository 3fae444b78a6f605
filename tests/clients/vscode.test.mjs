// The VS Code extension: it type-checks, bundles and packs; its manifest is right; and its bundle, run in plain Node over
// a stand-in for the `vscode` module, starts the real server and gets real answers through vscode-languageclient.
// No real VS Code is started here.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { files, isOwnServer, makeWorld, serverCommand } from './lib/project.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const source = path.resolve(here, '../../editors/vscode');
const tools = process.env.ENGRAMD_EXTENSION_TOOLS;
const manifest = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'));
const MAX_VSIX_BYTES = 1024 * 1024;
let build;

before(() => {
  // Built in a copy: the source tree stays as it is.
  build = fs.mkdtempSync(path.join(os.tmpdir(), 'ec-vsix-'));
  fs.cpSync(source, build, { recursive: true, filter: (name) => !/node_modules|\/dist$|\.vsix$/.test(name) });
  fs.symlinkSync(path.join(tools, 'node_modules'), path.join(build, 'node_modules'));
});
after(() => fs.rmSync(build, { recursive: true, force: true }));

const script = (name) => spawnSync('sh', ['-c', manifest.scripts[name]], {
  cwd: build, encoding: 'utf8', timeout: 240_000,
  env: { ...process.env, PATH: `${path.join(build, 'node_modules/.bin')}:${path.dirname(process.execPath)}:${process.env.PATH}` },
});

async function zipEntries(file) {
  const yauzl = createRequire(path.join(tools, 'package.json'))('yauzl');
  return new Promise((resolve, reject) => yauzl.open(file, { lazyEntries: false }, (error, zip) => {
    if (error) return reject(error);
    const names = [];
    zip.on('entry', ({ fileName }) => names.push(fileName));
    zip.on('end', () => resolve(names));
    return zip.on('error', reject);
  }));
}

test('the manifest names what the code registers, and pins what it bundles', () => {
  assert.equal(manifest.devDependencies['vscode-languageclient'], '11.0.0');
  assert.equal(manifest.dependencies, undefined, 'everything is bundled');
  assert.deepEqual(manifest.contributes.commands.map(({ command }) => command).sort(), ['engramd.fix', 'engramd.restart', 'engramd.showStatus']);
  assert.deepEqual(Object.keys(manifest.contributes.configuration.properties).sort(), ['engramd.model', 'engramd.path', 'engramd.trace.server']);
  assert.ok(manifest.activationEvents.includes('onStartupFinished') && manifest.activationEvents.includes('onLanguage:python'));
  for (const version of Object.values(manifest.devDependencies)) assert.match(version, /^\d+\.\d+\.\d+$/, 'pinned exactly');
  const lock = fs.readFileSync(path.join(source, 'package-lock.json'), 'utf8');
  assert.ok(!lock.includes('"resolved"'), 'the lock file names no registry');
});

test('npm run package makes a small .vsix', { timeout: 300_000 }, async () => {
  const done = script('package');
  assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);
  const vsix = path.join(build, 'engramd.vsix');
  const { size } = fs.statSync(vsix);
  assert.ok(size < MAX_VSIX_BYTES, `${size} bytes`);
  const names = await zipEntries(vsix);
  for (const name of ['extension/package.json', 'extension/dist/extension.js', 'extension/readme.md']) assert.ok(names.some((entry) => entry.toLowerCase() === name), `${name} in ${names}`);
  assert.ok(!names.some((name) => /node_modules|\.ts$|package-lock/.test(name)), names.join(' '));
});

test('a type error would stop the packaging', { timeout: 120_000 }, () => {
  const file = path.join(build, 'src/binary.ts');
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, `${text}\nexport const wrong: number = 'text';\n`);
  const done = script('check');
  fs.writeFileSync(file, text);
  assert.notEqual(done.status, 0);
  assert.match(done.stdout, /not assignable to type 'number'/);
});

function runHarness(world, task, environment) {
  const done = spawnSync(process.execPath, [path.join(here, 'vscode/harness.cjs')], {
    cwd: world.project, encoding: 'utf8', timeout: 120_000,
    env: { ...environment, ENGRAMD_HARNESS_TASK: JSON.stringify({ bundle: path.join(build, 'dist/extension.js'), folder: world.project, settings: {}, timeout_ms: 30_000, ...task }) },
  });
  assert.equal(done.status, 0, `${done.stderr}\n${done.stdout}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1));
}

test('the extension starts the server found on PATH and gets its answers', { timeout: 180_000 }, () => {
  assert.equal(script('bundle').status, 0);
  const world = makeWorld('vscode');
  try {
    const { command, args } = serverCommand();
    const bin = path.join(world.root, 'bin');
    fs.mkdirSync(bin);
    const quoted = [command, ...args].map((word) => `'${word}'`).join(' ');
    fs.writeFileSync(path.join(bin, 'engramd'), isOwnServer ? `#!/bin/sh\nexec '${command}' "$@"\n`
      : `#!/bin/sh\nif [ "$1" = lsp ]; then exec ${quoted}; fi\necho "engramd 0.0.0"\n`, { mode: 0o755 });
    const lines = files['app.py'].split('\n');
    const line = lines.findIndex((text) => text.includes('basket = '));
    const seen = runHarness(world, {
      file: path.join(world.project, 'app.py'), languageId: 'python', position: [line, lines[line].indexOf('open_cart_for') + 3],
    }, { ...world.environment, PATH: `${bin}:${world.environment.PATH}` });
    assert.deepEqual(seen.messages, [], 'no complaint to the user');
    for (const name of ['engramd.fix', 'engramd.restart', 'engramd.showStatus']) assert.ok(seen.commands.includes(name), name);
    const [definition] = [seen.definition].flat();
    const cart = files['shop/cart.py'].split('\n');
    assert.equal(definition.targetUri ?? definition.uri, world.uri('shop/cart.py'));
    assert.equal((definition.targetSelectionRange ?? definition.range).start.line, cart.findIndex((text) => text.includes('def open_cart_for')));
    assert.match(JSON.stringify(seen.hover), /open_cart_for/);
    if (isOwnServer) assert.ok(seen.providers.some((name) => /InlineCompletion/.test(name)), seen.providers.join(' '));
    assert.ok(seen.status.length >= 2, 'the status bar followed the restart');
  } finally {
    world.close();
  }
});

test('without the program: one message, with the remedy', { timeout: 60_000 }, () => {
  const world = makeWorld('noprog');
  try {
    for (const [settings, expected] of [
      [{}, /was not found on PATH\. Install engramd, or put the path .* into the setting "engramd\.path"/],
      [{ 'engramd.path': '/no/such/engramd' }, /"\/no\/such\/engramd" \(setting "engramd\.path"\) is not an executable file\. Correct the setting/],
      [{ 'engramd.path': 'engramd' }, /Write an absolute path there/],
      [{ 'engramd.path': '/bin/false' }, /did not answer as engramd does/],
    ]) {
      const { messages, commands } = runHarness(world, { settings }, { ...world.environment, PATH: '/nowhere' });
      assert.equal(messages.length, 1, JSON.stringify(messages));
      assert.match(messages[0].text, expected);
      assert.deepEqual(messages[0].choices, ['Open settings', 'Try again']);
      assert.deepEqual(commands, ['engramd.fix', 'engramd.restart', 'engramd.showStatus']);
    }
  } finally {
    world.close();
  }
});
