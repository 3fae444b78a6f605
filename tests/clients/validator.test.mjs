// The judge itself: a good session passes, and each of the broken ones below is caught. Without this a validator
// that checks nothing would look exactly like a perfect server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { richClient } from './lib/capabilities.mjs';
import { compareWithModel } from './lib/metamodel.mjs';
import { loadSchemas, protocolVersion } from './lib/schema.mjs';
import { FrameReader, frame } from './lib/framing.mjs';
import { TextMirror } from './lib/text.mjs';
import { SessionValidator } from './lib/validator.mjs';

const schemas = loadSchemas();
const uri = 'file:///project/a.py';
const range = (a, b, c, d) => ({ start: { line: a, character: b }, end: { line: c, character: d } });
const at = (line, character) => ({ textDocument: { uri }, position: { line, character } });

// One short, correct session. Each message carries a name by which the mutations find it.
function goodSession() {
  return [
    ['initialize', 'client', { id: 1, method: 'initialize', params: { processId: 1, rootUri: null, workspaceFolders: null, capabilities: richClient(['utf-8', 'utf-16']) } }],
    ['initialized answer', 'server', { id: 1, result: { serverInfo: { name: 'x' }, capabilities: {
      positionEncoding: 'utf-16', textDocumentSync: { openClose: true, change: 2 }, hoverProvider: true, definitionProvider: true, referencesProvider: true,
      documentSymbolProvider: true, workspaceSymbolProvider: true, inlineCompletionProvider: {}, executeCommandProvider: { commands: ['x.fix'] } } } }],
    ['initialized', 'client', { method: 'initialized', params: {} }],
    ['create', 'server', { id: 's1', method: 'window/workDoneProgress/create', params: { token: 't' } }],
    ['created', 'client', { id: 's1', result: null }],
    ['begin', 'server', { method: '$/progress', params: { token: 't', value: { kind: 'begin', title: 'indexing', percentage: 0 } } }],
    ['report', 'server', { method: '$/progress', params: { token: 't', value: { kind: 'report', percentage: 40 } } }],
    ['end', 'server', { method: '$/progress', params: { token: 't', value: { kind: 'end' } } }],
    ['register', 'server', { id: 's2', method: 'client/registerCapability', params: { registrations: [{ id: 'w', method: 'workspace/didChangeWatchedFiles', registerOptions: { watchers: [] } }] } }],
    ['registered', 'client', { id: 's2', result: null }],
    ['open', 'client', { method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'python', version: 1, text: 'def 😀():\n    return 1\n' } } }],
    ['diagnostics', 'server', { method: 'textDocument/publishDiagnostics', params: { uri, version: 1, diagnostics: [{ range: range(0, 4, 0, 6), message: 'odd name', severity: 2 }] } }],
    ['symbols', 'client', { id: 2, method: 'textDocument/documentSymbol', params: { textDocument: { uri } } }],
    ['symbols answer', 'server', { id: 2, result: [{ name: '😀', kind: 12, range: range(0, 0, 1, 12), selectionRange: range(0, 4, 0, 6), children: [] }] }],
    ['hover', 'client', { id: 3, method: 'textDocument/hover', params: at(0, 4) }],
    ['hover answer', 'server', { id: 3, result: { contents: { kind: 'markdown', value: 'x' }, range: range(0, 4, 0, 6) } }],
    ['change', 'client', { method: 'textDocument/didChange', params: { textDocument: { uri, version: 2 }, contentChanges: [{ range: range(0, 4, 0, 6), text: 'smile' }] } }],
    ['definition', 'client', { id: 4, method: 'textDocument/definition', params: at(0, 4) }],
    ['definition answer', 'server', { id: 4, result: [{ uri, range: range(0, 4, 0, 9) }] }],
    ['inline', 'client', { id: 5, method: 'textDocument/inlineCompletion', params: { ...at(1, 12), context: { triggerKind: 2 } } }],
    ['inline answer', 'server', { id: 5, result: { items: [{ insertText: ' + 1', range: range(1, 12, 1, 12) }] } }],
    ['inline again', 'client', { id: 6, method: 'textDocument/inlineCompletion', params: { ...at(1, 12), context: { triggerKind: 1 } } }],
    ['cancel', 'client', { method: '$/cancelRequest', params: { id: 6 } }],
    ['cancelled', 'server', { id: 6, error: { code: -32800, message: 'cancelled' } }],
    ['find', 'client', { id: 7, method: 'workspace/symbol', params: { query: 'x' } }],
    ['find answer', 'server', { id: 7, result: [{ name: 'smile', kind: 12, location: { uri, range: range(0, 4, 0, 9) } }] }],
    ['shutdown', 'client', { id: 8, method: 'shutdown' }],
    ['shutdown answer', 'server', { id: 8, result: null }],
    ['exit', 'client', { method: 'exit' }],
  ].map(([name, from, message]) => ({ name, from, message: { jsonrpc: '2.0', ...message } }));
}

function judge(session, { code = 0 } = {}) {
  const validator = new SessionValidator(schemas);
  for (const { from, message } of session) validator.message(from, message);
  validator.exit({ code });
  return validator.finish();
}

const named = (session, name) => session.find((entry) => entry.name === name) ?? assert.fail(name);
const change = (name, edit) => (session) => { edit(named(session, name).message); return session; };
const insertAfter = (name, from, message) => (session) => {
  session.splice(session.indexOf(named(session, name)) + 1, 0, { name: 'inserted', from, message: { jsonrpc: '2.0', ...message } });
  return session;
};
const drop = (name) => (session) => session.filter((entry) => entry.name !== name);

// [what is broken, how, what the judge must say]
const mutations = [
  ['jsonrpc 1.0', change('hover answer', (m) => { m.jsonrpc = '1.0'; }), /jsonrpc is "1.0"/],
  ['result and error together', change('hover answer', (m) => { m.error = { code: 1, message: 'x' }; }), /both result and error/],
  ['neither result nor error', change('hover answer', (m) => { delete m.result; }), /neither result nor error/],
  ['never answered', drop('definition answer'), /definition .* was never answered/],
  ['answered twice', insertAfter('definition answer', 'server', { id: 4, result: null }), /answered a second time/],
  ['an answer nobody asked for', insertAfter('hover answer', 'server', { id: 99, result: null }), /nobody asked/],
  ['a string id for an integer one', change('hover answer', (m) => { m.id = '3'; }), /nobody asked/],
  ['a fractional id', insertAfter('hover answer', 'server', { id: 1.5, method: 'workspace/configuration', params: { items: [] } }), /expected an integer or a string/],
  ['an id in use', insertAfter('symbols', 'client', { id: 2, method: 'textDocument/hover', params: at(0, 0) }), /already in use/],
  ['negative line', change('definition answer', (m) => { m.result[0].range.start.line = -1; }), /must (be >= 0|match)/],
  ['fractional column', change('hover answer', (m) => { m.result.range.end.character = 6.5; }), /must be integer/],
  ['line beyond uinteger', change('find answer', (m) => { m.result[0].location.range.end.line = 2 ** 31; }), /must/],
  ['missing insertText', change('inline answer', (m) => { delete m.result.items[0].insertText; }), /insertText|must match/],
  ['misspelt member', change('hover answer', (m) => { m.result.contens = m.result.contents; delete m.result.contents; }), /contents|contens/],
  ['unknown member', change('hover answer', (m) => { m.result.extra = 1; }), /must NOT have additional properties/],
  ['unknown top-level member', change('hover answer', (m) => { m.extra = 1; }), /unknown member 'extra'/],
  ['undefined symbol kind', change('symbols answer', (m) => { m.result[0].kind = 27; }), /must|valueSet/],
  ['a path instead of a URI', change('definition answer', (m) => { m.result[0].uri = '/project/a.py'; }), /must match/],
  ['a capability that 3.18 does not have', change('initialized answer', (m) => { m.result.capabilities.astProvider = true; }), /astProvider/],
  ['an encoding nobody offered', change('initialized answer', (m) => { m.result.capabilities.positionEncoding = 'utf-32'; }), /position encoding utf-32/],
  ['range beyond the line', change('hover answer', (m) => { m.result.range.end.character = 40; }), /the line has 9 utf-16 units/],
  ['range beyond the file', change('definition answer', (m) => { m.result[0].range = range(7, 0, 7, 1); }), /the text has 3 lines/],
  ['column inside a surrogate pair', change('hover answer', (m) => { m.result.range.end.character = 5; }), /inside a character/],
  ['range that ends before it starts', change('definition answer', (m) => { m.result[0].range = range(0, 9, 0, 4); }), /ends before it starts/],
  ['selectionRange outside range', change('symbols answer', (m) => { m.result[0].selectionRange = range(2, 0, 2, 0); }), /selectionRange .* outside/],
  ['child outside its parent', change('symbols answer', (m) => { m.result[0].children = [{ name: 'c', kind: 13, range: range(2, 0, 2, 0), selectionRange: range(2, 0, 2, 0) }]; }), /outside its parent/],
  ['empty symbol name', change('symbols answer', (m) => { m.result[0].name = ''; }), /empty name/],
  ['hierarchy the client cannot read', change('initialize', (m) => { delete m.params.capabilities.textDocument.documentSymbol.hierarchicalDocumentSymbolSupport; }), /hierarchicalDocumentSymbolSupport/],
  ['markdown the client cannot read', change('initialize', (m) => { m.params.capabilities.textDocument.hover.contentFormat = ['plaintext']; }), /contents are markdown/],
  ['links the client cannot read', (session) => {
    delete named(session, 'initialize').message.params.capabilities.textDocument.definition.linkSupport;
    named(session, 'definition answer').message.result = [{ targetUri: uri, targetRange: range(0, 0, 0, 9), targetSelectionRange: range(0, 4, 0, 9) }];
    return session;
  }, /no linkSupport/],
  ['progress the client did not offer', change('initialize', (m) => { m.params.capabilities.window.workDoneProgress = false; }), /did not advertise window.workDoneProgress/],
  ['progress with an unknown token', change('report', (m) => { m.params.token = 'u'; }), /nobody offered/],
  ['progress report before begin', drop('begin'), /report without begin/],
  ['progress that begins twice', insertAfter('begin', 'server', { method: '$/progress', params: { token: 't', value: { kind: 'begin', title: 'again' } } }), /begins twice/],
  ['percentage that falls', change('begin', (m) => { m.params.value.percentage = 60; }), /percentage 40 after 60/],
  ['registration the client did not offer', change('register', (m) => { m.params.registrations[0].method = 'textDocument/rename'; }), /dynamicRegistration/],
  ['a request the client did not offer', change('initialize', (m) => { delete m.params.capabilities.workspace.didChangeWatchedFiles; }), /dynamicRegistration/],
  ['a method the server did not offer', change('initialized answer', (m) => { delete m.result.capabilities.inlineCompletionProvider; }), /did not advertise inlineCompletionProvider/],
  ['sync the server did not offer', change('initialized answer', (m) => { m.result.capabilities.textDocumentSync = 0; }), /textDocumentSync/],
  ['a client method sent by the server', insertAfter('initialized', 'server', { id: 'q', method: 'textDocument/hover', params: at(0, 0) }), /goes clientToServer/],
  ['an unknown method from the server', insertAfter('initialized', 'server', { method: 'engramd/whatever', params: {} }), /unknown method/],
  ['a notification sent as a request', insertAfter('initialized', 'server', { id: 'q', method: 'window/logMessage', params: { type: 3, message: 'x' } }), /is a notification/],
  ['a request before the initialize answer', insertAfter('initialize', 'server', { id: 'q', method: 'client/registerCapability', params: { registrations: [] } }), /before the initialize answer/],
  ['cancelled though nobody cancelled', drop('cancel'), /nobody cancelled/],
  ['an error without message', change('cancelled', (m) => { delete m.error.message; }), /has no message/],
  ['an error code that is a string', change('cancelled', (m) => { m.error.code = '-32800'; }), /is not an integer/],
  ['a result of shutdown', change('shutdown answer', (m) => { m.result = {}; }), /expected null/],
  ['diagnostics from the future', change('diagnostics', (m) => { m.params.version = 9; }), /the client is at 1/],
  ['params of the wrong shape', change('diagnostics', (m) => { m.params.diagnostics[0].severity = 5; }), /must be equal to one of/],
  ['answered after shutdown', insertAfter('shutdown answer', 'client', { id: 20, method: 'textDocument/hover', params: at(0, 0) }), /never answered/],
  ['a wrong triggerKind', change('inline', (m) => { m.params.context.triggerKind = 0; }), /must be equal to one of/],
  ['a text change beside the text', change('change', (m) => { m.params.contentChanges[0].range.end.character = 99; }), /the line has 9/],
  ['a report of siblings without a name', insertAfter('open', 'client', { method: 'engramd/siblings', params: { uri, servers: [{ methods: [] }] } }), /engramd\/siblings: .*'name'/],
  ['a private notification sent as a request', insertAfter('open', 'client', { id: 30, method: 'engramd/siblings', params: { uri, servers: [] } }), /engramd\/siblings is a notification/],
  ['a private method from the wrong side', insertAfter('open', 'server', { method: 'engramd/siblings', params: { uri, servers: [] } }), /engramd\/siblings goes clientToServer/],
  ['a command with a wrong argument', insertAfter('open', 'client', { id: 31, method: 'workspace/executeCommand', params: { command: 'engramd.explain', arguments: [{ uri, line: -1, character: 0 }] } }), /engramd.explain: \/line/],
  ['a version that does not grow', change('change', (m) => { m.params.textDocument.version = 1; }), /version 1 .* after 1/],
];

test(`the types of protocol ${protocolVersion} give schemas for every method`, () => {
  assert.match(protocolVersion, /^3\.18\./);
  assert.ok(schemas.methods.size >= 90, `${schemas.methods.size} methods`);
  for (const method of ['initialize', 'textDocument/inlineCompletion', 'workspace/textDocumentContent', '$/progress']) assert.ok(schemas.methods.has(method), method);
});

test('a correct session passes', () => {
  assert.deepEqual(judge(goodSession()), []);
});

test('an exit without shutdown must give status 1, with shutdown 0', () => {
  assert.match(judge(goodSession(), { code: 1 }).join('\n'), /exit status 1, expected 0/);
  const early = goodSession().filter(({ name }) => !name.startsWith('shutdown'));
  assert.deepEqual(judge(early, { code: 1 }), []);
  assert.match(judge(early, { code: 0 }).join('\n'), /exit status 0, expected 1/);
});

for (const [what, mutate, expected] of mutations) {
  test(`caught: ${what}`, () => {
    const problems = judge(mutate(goodSession()));
    assert.ok(problems.some((problem) => expected.test(problem)), `expected ${expected}, the judge said ${JSON.stringify(problems)}`);
  });
}

test('framing: fragments pass, foreign bytes and wrong lengths are caught', () => {
  const messages = [], problems = [];
  const reader = new FrameReader((message) => messages.push(message), (problem) => problems.push(problem));
  for (const byte of Buffer.concat([frame({ a: '😀' }), frame({ b: 1 })])) reader.push(Buffer.from([byte]));
  assert.deepEqual([messages, problems], [[{ a: '😀' }, { b: 1 }], []]);
  for (const [bytes, expected] of [
    ['warming up...\r\n\r\n', /not LSP framing/],
    ['Content-Length: x\r\n\r\n{}', /Content-Length/],
    ['Content-Length: 3\r\n\r\n{}}', /not JSON/],
    ['Content-Length: 9\r\n\r\n{}', /ends inside a frame/],
    ['Content-Length: 2\r\nContent-Size: 2\r\n\r\n{}', /header Content-Size/],
  ]) {
    const found = [];
    const broken = new FrameReader(() => {}, (problem) => found.push(problem));
    broken.push(Buffer.from(bytes));
    broken.end();
    assert.match(found.join('\n'), expected, bytes);
  }
});

test('the text mirror counts in the negotiated encoding', () => {
  const columns = (encoding) => [...'aé😀b'].map((_, index, all) => new TextMirror('aé😀b', 1, encoding).positionOf(all.slice(0, index + 1).join('').length).character);
  assert.deepEqual(columns('utf-8'), [1, 3, 7, 8]);
  assert.deepEqual(columns('utf-16'), [1, 2, 4, 5]);
  assert.deepEqual(columns('utf-32'), [1, 2, 3, 4]);
  const mirror = new TextMirror('a\r\nb\rc\n', 1, 'utf-8');
  mirror.change({ range: range(1, 0, 2, 1), text: 'x' });
  assert.equal(mirror.text, 'a\r\nx\n');
});

const model = process.env.ENGRAMD_LSP_METAMODEL;
test('the metaModel agrees with the schemas from the types', { skip: model ? false : 'ENGRAMD_LSP_METAMODEL is not set' }, () => {
  const comparison = compareWithModel(JSON.parse(fs.readFileSync(model, 'utf8')), schemas);
  assert.deepEqual(comparison.missing, []);
  const validated = goodSession().flatMap(({ message }, _, all) => comparison.check(message, all));
  assert.deepEqual(validated, [], 'the model accepts the good session');
  // What both can see (shapes) both must see.
  for (const what of ['negative line', 'fractional column', 'missing insertText', 'misspelt member', 'undefined symbol kind', 'params of the wrong shape', 'a wrong triggerKind', 'a capability that 3.18 does not have']) {
    const session = mutations.find(([name]) => name === what)[1](goodSession());
    assert.ok(session.flatMap(({ message }, _, all) => comparison.check(message, all)).length > 0, `the model misses: ${what}`);
  }
});
