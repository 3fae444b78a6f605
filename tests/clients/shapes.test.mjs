// Each rule of lib/shapes.mjs against an answer that keeps it and one that breaks it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { loadSchemas } from './lib/schema.mjs';
import { SessionValidator } from './lib/validator.mjs';

const schemas = loadSchemas();
const uri = 'file:///project/a.py';
const range = (a, b, c, d) => ({ start: { line: a, character: b }, end: { line: c, character: d } });
const document = { textDocument: { uri } };
const at = { ...document, position: { line: 0, character: 0 } };
const item = { name: 'f', kind: 12, uri, range: range(0, 0, 0, 3), selectionRange: range(0, 0, 0, 1) };
const edit = (...edits) => ({ documentChanges: [{ textDocument: { uri, version: 1 }, edits }] });
const one = { range: range(0, 0, 0, 1), newText: 'y' };
const tokenServer = { semanticTokensProvider: { legend: { tokenTypes: ['a', 'b'], tokenModifiers: ['c'] }, full: true, range: true } };
const hint = (line) => ({ position: { line, character: 0 }, label: 'x' });

// [rule, method, params, what the client can, what the server offers, an answer that keeps it, one that breaks it, what is said]
const rules = [
  ['documentChanges', 'textDocument/rename', { ...at, newName: 'y' }, {}, { renameProvider: true }, { changes: { [uri]: [one] } }, edit(one), /no documentChanges/],
  ['overlapping edits', 'textDocument/rename', { ...at, newName: 'y' }, {}, { renameProvider: true }, { changes: { [uri]: [one, { range: range(0, 1, 0, 2), newText: '' }] } }, { changes: { [uri]: [{ range: range(0, 0, 0, 3), newText: '' }, { range: range(0, 1, 0, 2), newText: '' }] } }, /overlap/],
  ['annotations', 'textDocument/rename', { ...at, newName: 'y' }, { '/workspace': { workspaceEdit: { documentChanges: true } } }, { renameProvider: true }, edit(one), { ...edit({ ...one, annotationId: 'a' }), changeAnnotations: { a: { label: 'x' } } }, /no changeAnnotationSupport/],
  ['an annotation that is not there', 'textDocument/rename', { ...at, newName: 'y' }, { '/workspace': { workspaceEdit: { documentChanges: true, changeAnnotationSupport: {} } } }, { renameProvider: true }, { ...edit({ ...one, annotationId: 'a' }), changeAnnotations: { a: { label: 'x' } } }, edit({ ...one, annotationId: 'a' }), /in no changeAnnotations/],
  ['file operations', 'textDocument/rename', { ...at, newName: 'y' }, { '/workspace': { workspaceEdit: { documentChanges: true } } }, { renameProvider: true }, edit(one), { documentChanges: [{ kind: 'rename', oldUri: uri, newUri: `${uri}x` }] }, /resourceOperations/],
  ['an edit of an open document lies in it', 'textDocument/rename', { ...at, newName: 'y' }, {}, { renameProvider: true }, { changes: { [uri]: [one] } }, { changes: { [uri]: [{ range: range(0, 0, 0, 99), newText: '' }] } }, /units/],
  ['snippets', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f' }], [{ label: 'f', insertTextFormat: 2 }], /no snippetSupport/],
  ['completion kinds', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f', kind: 3 }], [{ label: 'f', kind: 25 }], /valueSet/],
  ['completion tags', 'textDocument/completion', at, { completion: { completionItem: {} } }, { completionProvider: {} }, [{ label: 'f' }], [{ label: 'f', tags: [1] }], /no tagSupport/],
  ['label details', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f' }], [{ label: 'f', labelDetails: { detail: 'x' } }], /labelDetailsSupport/],
  ['insert and replace', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f', textEdit: one }], [{ label: 'f', textEdit: { insert: one.range, replace: one.range, newText: 'f' } }], /insertReplaceSupport/],
  ['item defaults', 'textDocument/completion', at, {}, { completionProvider: {} }, { isIncomplete: false, items: [] }, { isIncomplete: false, itemDefaults: { insertTextFormat: 1 }, items: [] }, /itemDefaults.insertTextFormat/],
  ['markdown of an item', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f', documentation: { kind: 'plaintext', value: 'x' } }], [{ label: 'f', documentation: { kind: 'markdown', value: 'x' } }], /documentation is markdown/],
  ['an edit of one line', 'textDocument/completion', at, {}, { completionProvider: {} }, [{ label: 'f', textEdit: one }], [{ label: 'f', textEdit: { range: range(0, 0, 1, 0), newText: 'f' } }], /spans lines/],
  ['label offsets', 'textDocument/signatureHelp', at, {}, { signatureHelpProvider: {} }, { signatures: [{ label: 'f(x)', parameters: [{ label: 'x' }] }] }, { signatures: [{ label: 'f(x)', parameters: [{ label: [2, 3] }] }] }, /labelOffsetSupport/],
  ['label offsets inside', 'textDocument/signatureHelp', at, { signatureHelp: { signatureInformation: { parameterInformation: { labelOffsetSupport: true } } } }, { signatureHelpProvider: {} }, { signatures: [{ label: 'f(x)', parameters: [{ label: [2, 3] }] }] }, { signatures: [{ label: 'f(x)', parameters: [{ label: [2, 9] }] }] }, /outside 'f\(x\)'/],
  ['a parameter of its signature', 'textDocument/signatureHelp', at, {}, { signatureHelpProvider: {} }, { signatures: [{ label: 'f(x)', parameters: [{ label: 'x' }] }] }, { signatures: [{ label: 'f(x)', parameters: [{ label: 'y' }] }] }, /is not in/],
  ['the active signature', 'textDocument/signatureHelp', at, {}, { signatureHelpProvider: {} }, { signatures: [{ label: 'f()' }], activeSignature: 0 }, { signatures: [{ label: 'f()' }], activeSignature: 1 }, /activeSignature 1 of 1/],
  ['the number of folds', 'textDocument/foldingRange', document, { foldingRange: { rangeLimit: 1 } }, { foldingRangeProvider: true }, [{ startLine: 0, endLine: 1 }], [{ startLine: 0, endLine: 1 }, { startLine: 1, endLine: 2 }], /takes 1/],
  ['folds forward', 'textDocument/foldingRange', document, {}, { foldingRangeProvider: true }, [{ startLine: 0, endLine: 1 }], [{ startLine: 1, endLine: 0 }], /from line 1 to 0/],
  ['collapsed text', 'textDocument/foldingRange', document, {}, { foldingRangeProvider: true }, [{ startLine: 0, endLine: 1 }], [{ startLine: 0, endLine: 1, collapsedText: '...' }], /collapsedText/],
  ['fold kinds', 'textDocument/foldingRange', document, { foldingRange: { foldingRangeKind: { valueSet: ['comment'] } } }, { foldingRangeProvider: true }, [{ startLine: 0, endLine: 1, kind: 'comment' }], [{ startLine: 0, endLine: 1, kind: 'region' }], /fold kind region/],
  ['whole lines only', 'textDocument/foldingRange', document, { foldingRange: { lineFoldingOnly: true } }, { foldingRangeProvider: true }, [{ startLine: 0, endLine: 1 }], [{ startLine: 1, startCharacter: 0, endLine: 1, endCharacter: 2 }], /folds lines only/],
  ['one selection for each position', 'textDocument/selectionRange', { ...document, positions: [at.position] }, {}, { selectionRangeProvider: true }, [{ range: range(0, 0, 0, 1) }], [], /0 selection ranges for 1/],
  ['a selection holds its position', 'textDocument/selectionRange', { ...document, positions: [at.position] }, {}, { selectionRangeProvider: true }, [{ range: range(0, 0, 0, 1) }], [{ range: range(1, 0, 1, 1) }], /does not hold its position/],
  ['a parent holds its child', 'textDocument/selectionRange', { ...document, positions: [at.position] }, {}, { selectionRangeProvider: true }, [{ range: range(0, 0, 0, 1), parent: { range: range(0, 0, 1, 0) } }], [{ range: range(0, 0, 1, 0), parent: { range: range(0, 0, 0, 1) } }], /parent at depth 0/],
  ['whole tokens', 'textDocument/semanticTokens/full', document, {}, tokenServer, { data: [0, 0, 1, 0, 0] }, { data: [0, 0, 1, 0] }, /no whole tokens/],
  ['token types', 'textDocument/semanticTokens/full', document, {}, tokenServer, { data: [0, 0, 1, 1, 1] }, { data: [0, 0, 1, 2, 0] }, /token type 2/],
  ['token modifiers', 'textDocument/semanticTokens/full', document, {}, tokenServer, { data: [0, 0, 1, 1, 1] }, { data: [0, 0, 1, 1, 2] }, /token modifiers 2/],
  ['tokens that overlap', 'textDocument/semanticTokens/full', document, {}, tokenServer, { data: [0, 0, 2, 0, 0, 0, 2, 1, 0, 0] }, { data: [0, 0, 2, 0, 0, 0, 1, 1, 0, 0] }, /overlaps/],
  ['empty tokens', 'textDocument/semanticTokens/full', document, {}, tokenServer, { data: [0, 0, 1, 0, 0] }, { data: [0, 0, 0, 0, 0] }, /is empty/],
  ['commands only', 'textDocument/codeAction', { ...document, range: one.range, context: { diagnostics: [] } }, {}, { codeActionProvider: true }, [{ title: 'x', command: 'c' }], [{ title: 'x', command: { title: 'x', command: 'c' } }], /takes commands only/],
  ['an action with nothing to do', 'textDocument/codeAction', { ...document, range: one.range, context: { diagnostics: [] } }, { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } }, { codeActionProvider: true }, [{ title: 'x', command: { title: 'x', command: 'c' } }], [{ title: 'x' }], /nothing to do/],
  ['action tags', 'textDocument/codeAction', { ...document, range: one.range, context: { diagnostics: [] } }, { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } }, { codeActionProvider: true }, [{ title: 'x', command: { title: 'x', command: 'c' } }], [{ title: 'x', tags: [1], command: { title: 'x', command: 'c' } }], /no tagSupport/],
  ['link tooltips', 'textDocument/documentLink', document, {}, { documentLinkProvider: {} }, [{ range: one.range, target: uri }], [{ range: one.range, target: uri, tooltip: 'x' }], /tooltipSupport/],
  ['a lens without a command', 'textDocument/codeLens', document, {}, { codeLensProvider: {} }, [{ range: one.range, command: { title: 'x', command: 'c' } }], [{ range: one.range }], /nothing resolves it/],
  ['hints inside the range', 'textDocument/inlayHint', { ...document, range: range(0, 0, 1, 0) }, {}, { inlayHintProvider: true }, [hint(0)], [hint(2)], /outside the range/],
  ['diagnostic tags', 'textDocument/diagnostic', document, { diagnostic: {} }, { diagnosticProvider: { interFileDependencies: false, workspaceDiagnostics: false } }, { kind: 'full', items: [{ range: one.range, message: 'x' }] }, { kind: 'full', items: [{ range: one.range, message: 'x', tags: [1] }] }, /no tagSupport/],
  ['related information', 'textDocument/diagnostic', document, { diagnostic: {} }, { diagnosticProvider: { interFileDependencies: false, workspaceDiagnostics: false } }, { kind: 'full', items: [] }, { kind: 'full', items: [{ range: one.range, message: 'x', relatedInformation: [] }] }, /relatedInformation/],
  ['linked ranges', 'textDocument/linkedEditingRange', at, {}, { linkedEditingRangeProvider: true }, { ranges: [range(0, 0, 0, 1), range(1, 0, 1, 1)] }, { ranges: [range(0, 0, 0, 1), range(1, 0, 1, 2)] }, /not equally long/],
  ['a hierarchy item', 'textDocument/prepareCallHierarchy', at, {}, { callHierarchyProvider: true }, [item], [{ ...item, selectionRange: range(1, 0, 1, 1) }], /lies outside its range/],
  ['the calls lie in the caller', 'callHierarchy/outgoingCalls', { item }, {}, { callHierarchyProvider: true }, [{ to: item, fromRanges: [one.range] }], [{ to: item, fromRanges: [range(0, 0, 0, 77)] }], /units/],
];

function judge([, method, params, client, server], result) {
  const validator = new SessionValidator(schemas);
  const { '/workspace': workspace = {}, ...textDocument } = client;
  const says = (from, message) => validator.message(from, { jsonrpc: '2.0', ...message });
  // A capability that only says that the client has the feature.
  const holder = schemas.methods.get(method).clientCapability?.split('.') ?? [];
  if (holder[0] === 'textDocument' && textDocument[holder[1]] === undefined) textDocument[holder[1]] = {};
  says('client', { id: 1, method: 'initialize', params: { processId: 1, rootUri: null, capabilities: { workspace, textDocument: fill(textDocument) } } });
  says('server', { id: 1, result: { capabilities: { textDocumentSync: 2, ...server } } });
  says('client', { method: 'initialized', params: {} });
  says('client', { method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'python', version: 1, text: 'xyz\nxyz\nxyz\n' } } });
  says('client', { id: 2, method, params });
  const before = validator.problems.length;
  says('server', { id: 2, result });
  return validator.problems.slice(before);
}

// What the schema of the capabilities wants beside what the rule is about.
function fill(textDocument) {
  if (textDocument.semanticTokens) Object.assign(textDocument.semanticTokens, { requests: {}, tokenTypes: [], tokenModifiers: [], formats: ['relative'] });
  return textDocument;
}

for (const rule of rules) {
  test(`an answer keeps or breaks: ${rule[0]}`, () => {
    assert.deepEqual(judge(rule, rule[5]), []);
    const said = judge(rule, rule[6]);
    assert.ok(said.some((text) => rule[7].test(text)), `expected ${rule[7]}, the judge said ${JSON.stringify(said)}`);
  });
}
