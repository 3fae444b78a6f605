// A whole editing session through the real VS Code wire layer, every byte judged. One session per position encoding,
// then the rules of the life cycle: what comes before initialize, after shutdown, and how the process ends.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { poorClient, richClient } from './lib/capabilities.mjs';
import { files, isOwnServer, makeWorld, serverCommand } from './lib/project.mjs';
import { loadSchemas, require } from './lib/schema.mjs';
import { Session } from './lib/session.mjs';
import { TextMirror } from './lib/text.mjs';
import { SessionValidator } from './lib/validator.mjs';

const schemas = loadSchemas();
const { CancellationTokenSource } = require('vscode-languageserver-protocol');
const languages = { py: 'python', cpp: 'cpp', h: 'cpp', ts: 'typescript' };
const INDEX_TIMEOUT_MS = 30_000;

// Requests the poorer servers do not offer are left out when another server is under test.
const own = { skip: isOwnServer ? false : 'another server is under test' };

class Editor {
  static async start(world, { capabilities, log }) {
    const judge = new SessionValidator(schemas);
    const session = await Session.start({ ...serverCommand(), cwd: world.project, environment: world.environment, judge, log });
    const editor = Object.assign(new Editor(), { world, session, judge, documents: new Map() });
    editor.initializeResult = await session.request('initialize', {
      processId: process.pid, clientInfo: { name: 'engramd client test', version: '1' }, locale: 'en', rootUri: world.rootUri, capabilities,
      workspaceFolders: [{ uri: world.rootUri, name: 'project' }], trace: 'off',
    });
    await session.notify('initialized', {});
    editor.encoding = editor.initializeResult.capabilities.positionEncoding ?? 'utf-16';
    return editor;
  }

  async open(file) {
    const text = fs.readFileSync(path.join(this.world.project, file), 'utf8');
    this.documents.set(file, new TextMirror(text, 1, this.encoding));
    await this.session.notify('textDocument/didOpen', { textDocument: { uri: this.world.uri(file), languageId: languages[path.extname(file).slice(1)] ?? 'plaintext', version: 1, text } });
  }

  textOf(file) { return this.documents.get(file) ?? new TextMirror(fs.readFileSync(path.join(this.world.project, file), 'utf8'), 0, this.encoding); }

  // The position of the n-th occurrence of a word (plus an offset into it).
  at(file, word, { occurrence = 1, inside = 0 } = {}) {
    const mirror = this.textOf(file);
    let offset = -1;
    for (let count = 0; count < occurrence; count += 1) offset = mirror.text.indexOf(word, offset + 1);
    assert.notEqual(offset, -1, `${word} is in ${file}`);
    return mirror.positionOf(offset + inside);
  }

  ask(method, file, position, more = {}) {
    return this.session.request(method, { textDocument: { uri: this.world.uri(file) }, position, ...more });
  }

  async change(file, changes) {
    const mirror = this.documents.get(file);
    for (const change of changes) mirror.change(change);
    mirror.version += 1;
    await this.session.notify('textDocument/didChange', { textDocument: { uri: this.world.uri(file), version: mirror.version }, contentChanges: changes });
  }

  // Locations as 'file:line:column', from Location, LocationLink or arrays of them.
  places(result) {
    return [result ?? []].flat().map((place) => {
      const file = path.relative(this.world.project, fileURLToPath(place.targetUri ?? place.uri));
      const { start } = place.targetSelectionRange ?? place.targetRange ?? place.range;
      return `${file}:${start.line}:${start.character}`;
    });
  }

  place(file, word, options) {
    const { line, character } = this.at(file, word, options);
    return `${file}:${line}:${character}`;
  }
}

// The index is built in the background; what it does not know yet may be absent, but has to come.
async function eventually(what, ask, accept) {
  const deadline = Date.now() + INDEX_TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (accept(answer)) return answer;
    if (Date.now() > deadline) assert.fail(`${what}: after ${INDEX_TIMEOUT_MS} ms still ${JSON.stringify(answer)?.slice(0, 600)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const flatten = (symbols) => (symbols ?? []).flatMap((symbol) => [symbol, ...flatten(symbol.children)]);
const insertion = (position, text) => ({ range: { start: position, end: position }, text });
const hoverText = ({ contents }) => [contents].flat().map((part) => (typeof part === 'string' ? part : part.value)).join('\n');

async function inWorld(name, body) {
  const world = makeWorld(name);
  const sessions = [];
  try {
    await body(world, (options) => Editor.start(world, options).then((editor) => { sessions.push(editor.session); return editor; }), sessions);
  } finally {
    sessions.forEach((session) => session.kill());
    world.close();
  }
}

for (const encodings of [['utf-16'], ['utf-8', 'utf-16']]) {
  test(`an editing session, client offers ${encodings.join(', ')}`, { timeout: 300_000 }, async (t) => inWorld(encodings[0], async (world, start) => {
    const log = process.env.ENGRAMD_SESSION_LOG && `${process.env.ENGRAMD_SESSION_LOG}-${encodings[0]}.jsonl`;
    const editor = await start({ capabilities: richClient(encodings), log });
    const { session, judge } = editor;
    const capabilities = editor.initializeResult.capabilities;

    await t.test('capabilities', own, () => {
      assert.equal(editor.encoding, encodings[0], 'the first encoding the client offers is taken');
      for (const key of ['documentSymbolProvider', 'workspaceSymbolProvider', 'definitionProvider', 'referencesProvider', 'hoverProvider', 'inlineCompletionProvider', 'executeCommandProvider']) {
        assert.ok(capabilities[key], key);
      }
      assert.equal(capabilities.textDocumentSync.change ?? capabilities.textDocumentSync, 2, 'incremental sync');
      assert.equal(editor.initializeResult.serverInfo?.name, 'engramd');
    });

    await editor.open('app.py');

    await t.test('document symbols of a Python file', async () => {
      const symbols = flatten(await session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('app.py') } }));
      assert.ok(symbols.some(({ name }) => name === 'main'), JSON.stringify(symbols.map(({ name }) => name)));
      const basket = symbols.find(({ name }) => name === 'basket');
      if (basket) assert.deepEqual((basket.selectionRange ?? basket.location.range).start, editor.at('app.py', 'basket'), 'a column after an emoji');
    });

    await t.test('workspace symbols find what no editor has opened', async () => {
      const found = await eventually('open_cart_for', () => session.request('workspace/symbol', { query: 'open_cart_for' }),
        (symbols) => (symbols ?? []).some(({ name, location }) => name.startsWith('open_cart_for') && location.uri === world.uri('shop/cart.py')));
      assert.ok(found.length > 0);
      assert.deepEqual((await session.request('workspace/symbol', { query: 'zzqqxx_no_such_name' })) ?? [], []);
    });

    await t.test('definition across files, column after an emoji', async () => {
      const result = await eventually('definition', () => editor.ask('textDocument/definition', 'app.py', editor.at('app.py', 'open_cart_for', { occurrence: 2, inside: 3 })),
        (answer) => editor.places(answer).length > 0);
      assert.deepEqual(editor.places(result), [editor.place('shop/cart.py', 'open_cart_for')]);
    });

    await t.test('hover tells the signature', async () => {
      const hover = await editor.ask('textDocument/hover', 'app.py', editor.at('app.py', 'open_cart_for', { occurrence: 2, inside: 1 }));
      assert.match(hoverText(hover), /open_cart_for\(\s*owner/);
      assert.equal(await editor.ask('textDocument/hover', 'app.py', editor.at('app.py', '\n\n', { inside: 1 })), null, 'nothing to say about an empty line');
    });

    await t.test('references of a function, with and without its declaration', async () => {
      const position = editor.at('app.py', 'open_cart_for', { occurrence: 2, inside: 2 });
      const uses = [editor.place('app.py', 'open_cart_for', { occurrence: 2 }), editor.place('shop/report.py', 'open_cart_for', { occurrence: 2 })];
      const all = await eventually('references', () => editor.ask('textDocument/references', 'app.py', position, { context: { includeDeclaration: true } }),
        (answer) => uses.every((use) => editor.places(answer).includes(use)));
      assert.ok(editor.places(all).includes(editor.place('shop/cart.py', 'open_cart_for')), 'the declaration is among them');
      const without = editor.places(await editor.ask('textDocument/references', 'app.py', position, { context: { includeDeclaration: false } }));
      assert.ok(!without.includes(editor.place('shop/cart.py', 'open_cart_for')), 'the declaration was not asked for');
      assert.ok(uses.every((use) => without.includes(use)), JSON.stringify(without));
    });

    await t.test('incremental edits with emoji columns move the answers', async () => {
      const where = editor.at('app.py', 'basket = ');
      // Two changes in one message: the second counts from the text after the first.
      await editor.change('app.py', [insertion(where, 'smile = "😀😀é"; '), insertion(where, 'x = "𝒳"; ')]);
      const end = editor.textOf('app.py').positionOf(editor.textOf('app.py').text.length);
      await editor.change('app.py', [insertion(end, '\n\ndef born_just_now(cart):\n    return cart.total_price()\n')]);
      const symbols = flatten(await session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('app.py') } }));
      const born = symbols.find(({ name }) => name === 'born_just_now');
      assert.ok(born, `the new function is a symbol: ${symbols.map(({ name }) => name)}`);
      assert.deepEqual((born.selectionRange ?? born.location.range).start, editor.at('app.py', 'born_just_now') );
      const moved = await editor.ask('textDocument/definition', 'app.py', editor.at('app.py', 'open_cart_for', { occurrence: 2, inside: 1 }));
      assert.deepEqual(editor.places(moved), [editor.place('shop/cart.py', 'open_cart_for')]);
      // Cut the middle out again, across line ends.
      const start = editor.at('app.py', '\n\ndef born');
      await editor.change('app.py', [{ range: { start, end: editor.at('app.py', '    return cart.total_price()') }, text: '\n' }]);
      const after = flatten(await session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('app.py') } }));
      assert.ok(!after.some(({ name }) => name === 'born_just_now'), 'a removed function is gone');
    });

    await t.test('C++ and TypeScript in the same session', own, async () => {
      for (const [file, word, target] of [['src/geometry.cpp', 'area_of_rectangle', 'src/geometry.cpp'], ['web/page.ts', 'formatMoney', 'web/format.ts']]) {
        await editor.open(file);
        const answer = await eventually(`definition of ${word}`, () => editor.ask('textDocument/definition', file, editor.at(file, word, { occurrence: 2, inside: 2 })),
          (result) => editor.places(result).length > 0);
        assert.ok(editor.places(answer).includes(editor.place(target, word)), JSON.stringify(editor.places(answer)));
      }
    });

    await t.test('inline completion continues a line the repository knows', own, async () => {
      const end = editor.textOf('app.py').positionOf(editor.textOf('app.py').text.length);
      await editor.change('app.py', [insertion(end, '\n\ndef describe_again(cart):\n    print("total price')]);
      const position = editor.textOf('app.py').positionOf(editor.textOf('app.py').text.length);
      const expected = /^print\("total price of the cart/;
      // Asked again while a busy machine is still learning the repository.
      let line = '';
      for (const end = Date.now() + 20_000; !expected.test(line) && Date.now() < end;) {
        const result = await editor.ask('textDocument/inlineCompletion', 'app.py', position, { context: { triggerKind: 1 } });
        const items = Array.isArray(result) ? result : result?.items ?? [];
        assert.ok(items.length > 0, 'at least one suggestion');
        const [{ insertText, range }] = items;
        const text = typeof insertText === 'string' ? insertText : insertText.value;
        // With a range the text replaces it; what stands there is a prefix the user has typed.
        const typed = range ? editor.textOf('app.py').text.slice(editor.textOf('app.py').offsetOf(range.start)) : '';
        line = `print("total price${text.slice(text.startsWith(typed) ? typed.length : 0)}`;
        if (!expected.test(line)) await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.match(line, expected);
    });

    await t.test('cancelling: one answer each, a result or RequestCancelled', async () => {
      const method = isOwnServer ? 'textDocument/inlineCompletion' : 'textDocument/references';
      const context = isOwnServer ? { triggerKind: 2 } : { includeDeclaration: true };
      const position = editor.at('app.py', 'open_cart_for', { occurrence: 2, inside: 4 });
      const outcomes = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
        const source = new CancellationTokenSource();
        const asked = session.request(method, { textDocument: { uri: world.uri('app.py') }, position, context }, source.token);
        // vscode-jsonrpc writes in a later turn; a cancel in the same turn would never reach the wire.
        await new Promise((resolve) => setTimeout(resolve, index % 3));
        source.cancel();
        return asked.then(() => 'result', (error) => error.code);
      }));
      for (const outcome of outcomes) assert.ok(outcome === 'result' || outcome === -32800, `outcome ${outcome}`);
      assert.ok(judge.counts.client > 20);
    });

    await t.test('unknown methods, string ids, answers in any order', async () => {
      await assert.rejects(session.request('engramd/noSuchRequest', {}), { code: -32601 });
      await session.notify('engramd/noSuchNotification', {});
      if (isOwnServer) await assert.rejects(session.request('$/noSuchRequest', {}), { code: -32601 });
      session.writeMessage({ jsonrpc: '2.0', id: 'a string', method: 'textDocument/documentSymbol', params: { textDocument: { uri: world.uri('app.py') } } });
      await session.waitFor(({ id }) => id === 'a string', 'an answer to a string id');
    });

    await t.test('wrong parameters give an error and do no harm', own, async () => {
      session.log?.write('');
      const bad = { jsonrpc: '2.0', id: 'bad', method: 'textDocument/hover', params: { textDocument: 7 } };
      const before = judge.problems.length;
      session.writeMessage(bad);
      const { error } = await session.waitFor(({ id }) => id === 'bad', 'an answer to bad parameters');
      assert.equal(error?.code, -32602);
      judge.problems.splice(before);   // the question itself was wrong on purpose
      await assert.rejects(session.request('initialize', { processId: null, rootUri: null, workspaceFolders: null, capabilities: {} }), { code: -32600 });
      assert.equal(await editor.ask('textDocument/hover', 'app.py', { line: 0, character: 0 }).then(() => 'alive'), 'alive');
    });

    await t.test('closing the file returns to what is on disk', own, async () => {
      await session.notify('textDocument/didClose', { textDocument: { uri: world.uri('app.py') } });
      editor.documents.delete('app.py');
      await editor.open('app.py');
      const symbols = flatten(await session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('app.py') } }));
      assert.deepEqual(symbols.filter(({ name }) => name === 'describe_again'), []);
    });

    await t.test('shutdown answers null and exit gives 0', async () => {
      assert.equal(await session.request('shutdown'), null);
      if (isOwnServer) {
        await assert.rejects(session.request('textDocument/hover', { textDocument: { uri: world.uri('app.py') }, position: { line: 0, character: 0 } }), { code: -32600 });
      }
      await session.notify('exit');
      assert.deepEqual(await session.exited(), { code: 0, signal: null });
    });

    await t.test('every message was valid', (t) => {
      const problems = judge.finish();
      t.diagnostic(`messages: ${JSON.stringify(judge.counts)}`);
      assert.deepEqual(problems, []);
    });
  }));
}

test('a client that can do almost nothing', { timeout: 120_000, ...own }, () => inWorld('poor', async (world, start) => {
  const editor = await start({ capabilities: poorClient() });
  assert.equal(editor.encoding, 'utf-16');
  await editor.open('shop/cart.py');
  const symbols = await editor.session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('shop/cart.py') } });
  assert.ok(symbols.some(({ name, location }) => name === 'total_price' && location), 'flat symbols for a client without hierarchy');
  const hover = await editor.ask('textDocument/hover', 'shop/cart.py', editor.at('shop/cart.py', 'open_cart_for', { inside: 2 }));
  assert.ok(!hoverText(hover).includes('```'), 'plain text for a client without markdown');
  await editor.session.shutDown();
  assert.deepEqual(editor.judge.finish(), []);
}));

test('two editors at once see their own unsaved text only', { timeout: 120_000, ...own }, () => inWorld('two', async (world, start) => {
  const [one, two] = [await start({ capabilities: richClient(['utf-16']) }), await start({ capabilities: richClient(['utf-8']) })];
  await one.open('app.py');
  await two.open('app.py');
  await one.change('app.py', [insertion({ line: 0, character: 0 }, 'def only_in_one():\n    pass\n')]);
  const names = async (editor) => flatten(await editor.session.request('textDocument/documentSymbol', { textDocument: { uri: world.uri('app.py') } })).map(({ name }) => name);
  assert.ok((await names(one)).includes('only_in_one'));
  assert.ok(!(await names(two)).includes('only_in_one'));
  await one.session.shutDown();
  assert.ok((await names(two)).includes('main'), 'the other editor goes on');
  await two.session.shutDown();
  assert.deepEqual([one.judge.finish(), two.judge.finish()], [[], []]);
}));

test('engramd.fix turns a red test green and offers the edit', { timeout: 180_000, ...own }, () => inWorld('fix', async (world, start) => {
  const broken = `def clamp(value, low, high):
    """The nearest value inside low..high."""
    if value < low:
        return low
    if value < high:
        return high
    return value
`;
  fs.writeFileSync(path.join(world.project, 'clamp.py'), broken);
  fs.writeFileSync(path.join(world.project, 'test_clamp.py'), `from clamp import clamp

assert clamp(5, 1, 9) == 5
assert clamp(-5, 1, 9) == 1
assert clamp(50, 1, 9) == 9
print("ok")
`);
  const red = (folder) => spawnSync('python3', ['-B', 'test_clamp.py'], { cwd: folder, encoding: 'utf8' }).status !== 0;
  assert.ok(red(world.project), 'red before');
  const editor = await start({ capabilities: richClient(['utf-16']) });
  await editor.open('clamp.py');
  const offered = [];
  editor.session.connection.onRequest('workspace/applyEdit', ({ edit }) => {
    offered.push(edit);
    return { applied: true };
  });
  const answer = await editor.session.request('workspace/executeCommand', {
    command: 'engramd.fix', arguments: [{ repo: world.rootUri, test: 'python3 -B test_clamp.py', apply: true }],
  });
  assert.equal(answer.fixed, true, JSON.stringify(answer).slice(0, 1500));
  assert.equal(answer.applied, true, answer.failureReason);
  assert.equal(fs.readFileSync(path.join(world.project, 'clamp.py'), 'utf8'), broken, 'the file on disk is the editor\'s to write');
  assert.equal(offered.length, 1);
  const mirror = editor.documents.get('clamp.py');
  const changes = offered[0].documentChanges?.flatMap(({ textDocument, edits }) => edits.map((edit) => ({ uri: textDocument.uri, ...edit })))
    ?? Object.entries(offered[0].changes).flatMap(([uri, edits]) => edits.map((edit) => ({ uri, ...edit })));
  assert.ok(changes.every(({ uri }) => uri === world.uri('clamp.py')), 'only the broken file');
  for (const { range, newText } of changes.reverse()) mirror.change({ range, text: newText });
  fs.writeFileSync(path.join(world.project, 'clamp.py'), mirror.text);
  assert.ok(!red(world.project), `green after:\n${mirror.text}`);
  await assert.rejects(editor.session.request('workspace/executeCommand', { command: 'engramd.noSuchCommand', arguments: [] }));
  await editor.session.shutDown();
  assert.deepEqual(editor.judge.finish(), []);
}));

test('exit without shutdown gives 1, and so does a vanished client', { timeout: 60_000 }, () => inWorld('rude', async (world, start) => {
  const rude = await start({ capabilities: richClient(['utf-16']) });
  await rude.session.notify('exit');
  assert.deepEqual(await rude.session.exited(), { code: 1, signal: null });
  assert.deepEqual(rude.judge.finish(), []);
  if (!isOwnServer) return;
  const vanished = await start({ capabilities: richClient(['utf-16']) });
  vanished.session.child.stdin.end();
  assert.deepEqual(await vanished.session.exited(), { code: 1, signal: null });
}));

test('a request before initialize is refused, and malformed input is survived', { timeout: 60_000, ...own }, () => inWorld('early', async (world) => {
  const judge = new SessionValidator(schemas);
  const session = await Session.start({ ...serverCommand(), cwd: world.project, environment: world.environment, judge });
  try {
    session.writeMessage({ jsonrpc: '2.0', id: 'early', method: 'textDocument/hover', params: { textDocument: { uri: world.uri('app.py') }, position: { line: 0, character: 0 } } });
    assert.equal((await session.waitFor(({ id }) => id === 'early', 'an answer before initialize')).error?.code, -32002);
    session.writeRaw(Buffer.from('Content-Length: 9\r\n\r\n{"broken"'));
    const { error } = await session.waitFor(({ id }) => id === null, 'an answer to broken JSON');
    assert.equal(error.code, -32700);
    const result = await session.request('initialize', { processId: null, rootUri: world.rootUri, workspaceFolders: null, capabilities: richClient(['utf-16']) });
    assert.ok(result.capabilities);
    await session.shutDown();
    assert.deepEqual(judge.finish(), []);
  } finally {
    session.kill();
  }
}));

// What the project promises the tests above; a change there must not make them vacuous.
test('the test project has emoji before the names that are asked for', () => {
  assert.match(files['app.py'], /😀.*basket = open_cart_for/u);
});
