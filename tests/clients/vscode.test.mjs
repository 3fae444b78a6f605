// The VS Code extension: it type-checks, bundles and packs; its manifest is right; and its bundle, run in plain Node over
// a stand-in for the `vscode` module, starts the real server and gets real answers through vscode-languageclient.
// No real VS Code is started here; editors.test.mjs does that.
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
  const named = manifest.contributes.commands.map(({ command }) => command);
  const read = (folder) => fs.readdirSync(path.join(source, folder)).map((name) => fs.readFileSync(path.join(source, folder, name), 'utf8')).join('\n');
  const code = read('src');
  assert.deepEqual(named.filter((name) => !code.includes(`command('${name}'`)), [], 'every command is registered');
  assert.deepEqual([...code.matchAll(/command\('(engramd\.\w+)'/g)].map(([, name]) => name).filter((name) => !named.includes(name)), [], 'every registered command has a title');
  for (const [name, { description, markdownDescription }] of Object.entries(manifest.contributes.configuration.properties)) {
    assert.ok(description ?? markdownDescription, `${name} is described`);
    assert.ok(code.includes(`'${name.slice('engramd.'.length)}'`), `${name} is read`);
    assert.ok(fs.readFileSync(path.join(source, 'README.md'), 'utf8').includes(`\`${name}\``), `${name} is in the read-me`);
  }
  const text = JSON.stringify(manifest);
  for (const [, name] of text.matchAll(/command:(engramd\.\w+)/g)) assert.ok(named.includes(name), `${name}, which a link runs`);
  for (const { media } of manifest.contributes.walkthroughs.flatMap(({ steps }) => steps)) assert.ok(fs.existsSync(path.join(source, media.markdown)), media.markdown);
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
  for (const name of ['extension/package.json', 'extension/dist/extension.js', 'extension/readme.md', 'extension/media/icon.png', 'extension/walkthrough/fix.md']) assert.ok(names.some((entry) => entry.toLowerCase() === name), `${name} in ${names}`);
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
    for (const { command: name } of manifest.contributes.commands) assert.ok(seen.commands.includes(name), name);
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
      [{}, /was not found on PATH\. Install engramd, or .*put the path .* into the setting "engramd\.path"/],
      [{ 'engramd.path': '/no/such/engramd' }, /"\/no\/such\/engramd" \(setting "engramd\.path"\) is not an executable file\. Correct the setting/],
      [{ 'engramd.path': 'engramd' }, /Write an absolute path there/],
      [{ 'engramd.path': '/bin/false' }, /did not answer as engramd does/],
    ]) {
      const { messages, commands } = runHarness(world, { settings }, { ...world.environment, PATH: '/nowhere' });
      assert.equal(messages.length, 1, JSON.stringify(messages));
      assert.match(messages[0].text, expected);
      assert.deepEqual(messages[0].choices, ['Open settings', 'Try again', 'How to install']);
      assert.deepEqual(commands, manifest.contributes.commands.map(({ command }) => command).sort());
    }
  } finally {
    world.close();
  }
});

test('the parts that need no editor', async (t) => {
  // Node strips the types by itself.
  const part = (name) => import(path.join(source, `src/${name}.ts`));
  const { readPatch, replacementsFor } = await part('patch');
  const { siblingsOf, kSiblings } = await part('sibling_table');
  const { withoutSecrets, problemOfAddress } = await part('secrets');

  await t.test('a patch becomes replacements of the lines that differ', () => {
    const [file] = readPatch('--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -9,2 +9,3 @@\n i\n+I\n j\n\\ No newline at end of file\n');
    assert.deepEqual(file.hunks.map(({ start, before, after }) => [start, before, after]), [[0, ['a\n', 'b\n', 'c\n'], ['a\n', 'B\n', 'c\n']], [8, ['i\n', 'j'], ['i\n', 'I\n', 'j']]]);
    const text = 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj';
    assert.deepEqual(replacementsFor(text, file.hunks), [{ startLine: 1, endLine: 2, text: 'B\n' }, { startLine: 9, endLine: 9, text: 'I\n' }]);
    assert.deepEqual(replacementsFor(text.replaceAll('\n', '\r\n'), file.hunks)[0], { startLine: 1, endLine: 2, text: 'B\r\n' }, 'line ends of the file');
    assert.match(replacementsFor(text.replace('b', 'x'), file.hunks), /line 1 is not what the patch was made for/);
  });
  await t.test('new, deleted and oddly named files', () => {
    const files = readPatch('--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+one\n+two\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n--- "a/caf\\303\\251 \\"x\\".py"\n+++ "b/caf\\303\\251 \\"x\\".py"\n@@ -1 +1 @@\n-a\n+b\n');
    assert.deepEqual(files.map(({ path: name, created, deleted }) => [name, created, deleted]), [['new.py', true, false], ['old.py', false, true], ['café "x".py', false, false]]);
    assert.deepEqual(replacementsFor('', files[0].hunks), [{ startLine: 0, endLine: 0, text: 'one\ntwo\n' }]);
    assert.throws(() => readPatch('--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n'), /cut off/);
    // A removed line that looks like a header is a line of the hunk.
    assert.equal(readPatch('--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n--- a\n keep\n').length, 1);
  });
  await t.test('siblings are the enabled extensions whose server is on', () => {
    const on = (...names) => (name) => names.includes(name);
    const none = () => undefined;
    assert.deepEqual(siblingsOf('cpp', on('llvm-vs-code-extensions.vscode-clangd'), none), [{ name: 'clangd' }]);
    assert.deepEqual(siblingsOf('python', on('llvm-vs-code-extensions.vscode-clangd'), none), []);
    assert.deepEqual(siblingsOf('python', on('ms-python.python', 'ms-python.vscode-pylance'), (name) => (name === 'python.languageServer' ? 'Pylance' : undefined)), [{ name: 'pylance' }]);
    assert.deepEqual(siblingsOf('python', on('ms-python.python', 'ms-python.vscode-pylance'), (name) => (name === 'python.languageServer' ? 'None' : undefined)), []);
    assert.deepEqual(siblingsOf('go', on('golang.go'), (name) => (name === 'go.useLanguageServer' ? false : undefined)), []);
    assert.deepEqual(siblingsOf('json', on('vscode.json-language-features'), none)[0].methods, ['textDocument/hover', 'textDocument/documentSymbol', 'textDocument/definition']);
    // VS Code compares ids without regard to case; the table keeps to one spelling.
    assert.deepEqual(kSiblings.map(({ extension }) => extension).filter((name) => name.toLowerCase() !== name.toLowerCase().trim()), []);
  });
  await t.test('no key reaches a log', () => {
    assert.equal(withoutSecrets('lsp --model https://user:sk-1@host/v1?api_key=sk-2&x=1#name'), 'lsp --model https://***@host/v1?api_key=***&x=1#name');
    assert.equal(withoutSecrets('lsp --model /models/a@b.gguf'), 'lsp --model /models/a@b.gguf');
    assert.equal(problemOfAddress('http://127.0.0.1:8000/v1#qwen'), undefined);
    for (const [wrong, why] of [['host', /such as/], ['ftp://host/#m', /begins with/], ['https://key@host/v1#m', /No key/], ['https://host/v1?token=k#m', /No key/], ['https://host/v1', /Name the model/]]) assert.match(problemOfAddress(wrong), why);
  });
});

test('the server is told which other servers a document has', { timeout: 120_000 }, () => {
  const world = makeWorld('sibling');
  try {
    const { command, args } = serverCommand();
    const log = path.join(world.root, 'messages.jsonl');
    const program = path.join(world.root, 'engramd');
    const quoted = [process.execPath, path.join(here, 'lib/tee.mjs'), log, command, ...args].map((word) => `'${word}'`).join(' ');
    fs.writeFileSync(program, `#!/bin/sh\nif [ "$1" = lsp ]; then exec ${quoted}; fi\necho "engramd 0.0.0"\n`, { mode: 0o755 });
    runHarness(world, {
      file: path.join(world.project, 'src/geometry.cpp'), languageId: 'cpp', position: [2, 8], extensions: ['llvm-vs-code-extensions.vscode-clangd'], timeout_ms: 2000,
      settings: { 'engramd.path': program, 'engramd.navigation': 'auto', 'engramd.navigationByLanguage': { cpp: 'off', go: 'no such' }, 'engramd.diagnostics': 'off' },
    }, world.environment);
    const sent = fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter(({ from }) => from === 'client').map(({ message }) => message);
    const uri = world.uri('src/geometry.cpp');
    const opened = sent.findIndex(({ method, params }) => method === 'textDocument/didOpen' && params.textDocument.uri === uri);
    const told = sent.findIndex(({ method }) => method === 'engramd/siblings');
    assert.deepEqual(sent[told]?.params, { uri, servers: [{ name: 'clangd' }] });
    assert.ok(opened >= 0 && told > opened, 'after the document is known');
    assert.deepEqual(sent.find(({ method }) => method === 'initialize').params.initializationOptions, { navigation: { '*': 'auto', cpp: 'off' }, diagnostics: 'off' });
  } finally {
    world.close();
  }
});
