// lib/shapes.mjs - what the schemas cannot say: whether an answer keeps to what this client said it understands, and the
// rules that LSP states in prose. One function for each method: (result, { client, server, params }, problem).
//
// `client` answers by the path of the specification: client('rename.prepareSupport') below textDocument,
// client('/workspace.applyEdit') from the top.
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const before = (a, b) => a.line < b.line || (a.line === b.line && a.character < b.character);
const inside = (outer, inner) => !before(inner.start, outer.start) && !before(outer.end, inner.end);
const listOf = (value) => (Array.isArray(value) ? value : value === null || value === undefined ? [] : [value]);

function markup(value, formats, what, problem) {
  if (isObject(value) && 'kind' in value && !(formats ?? ['plaintext']).includes(value.kind)) problem(`${what} is ${value.kind}, the client accepts ${(formats ?? ['plaintext']).join(', ')}`);
}

export function workspaceEdit(edit, { client }, problem) {
  if (!isObject(edit)) return;
  const able = client('/workspace.workspaceEdit') ?? {};
  if (edit.documentChanges && able.documentChanges !== true) problem('documentChanges, but the client has no documentChanges');
  if (edit.changeAnnotations && able.changeAnnotationSupport === undefined) problem('changeAnnotations, but the client has no changeAnnotationSupport');
  for (const change of edit.documentChanges ?? []) {
    if (change.kind && !(able.resourceOperations ?? []).includes(change.kind)) problem(`a ${change.kind} operation, but the client has it not in resourceOperations`);
  }
  const lists = [...Object.values(edit.changes ?? {}), ...(edit.documentChanges ?? []).map((change) => change.edits ?? [])];
  for (const edits of lists) {
    const sorted = edits.filter((one) => one.range).map((one) => one.range).sort((a, b) => (before(a.start, b.start) ? -1 : 1));
    for (let i = 1; i < sorted.length; i += 1) if (before(sorted[i].start, sorted[i - 1].end)) problem(`edits overlap at ${JSON.stringify(sorted[i].start)}`);
    for (const one of edits) {
      if (one.annotationId !== undefined && !edit.changeAnnotations?.[one.annotationId]) problem(`annotationId ${one.annotationId} is in no changeAnnotations`);
      if (one.snippet !== undefined && able.snippetEditSupport !== true) problem('a snippet edit, but the client has no snippetEditSupport');
    }
  }
}

function completion(result, { client }, problem) {
  const able = client('completion.completionItem') ?? {};
  const defaults = Array.isArray(result) ? undefined : result?.itemDefaults;
  const known = client('completion.completionList.itemDefaults') ?? [];
  for (const key of Object.keys(defaults ?? {})) if (!known.includes(key)) problem(`itemDefaults.${key}, which the client does not know`);
  const kinds = client('completion.completionItemKind.valueSet') ?? Array.from({ length: 18 }, (_, i) => i + 1);
  for (const item of Array.isArray(result) ? result : result?.items ?? []) {
    const what = `completion item '${item.label}'`;
    if (item.label === '') problem('a completion item has an empty label');
    if (item.kind !== undefined && !kinds.includes(item.kind)) problem(`${what}: kind ${item.kind} is outside the client's valueSet`);
    if ((item.insertTextFormat ?? defaults?.insertTextFormat) === 2 && able.snippetSupport !== true) problem(`${what}: a snippet, but the client has no snippetSupport`);
    if (item.tags && !able.tagSupport) problem(`${what}: tags, but the client has no tagSupport`);
    if (item.labelDetails && able.labelDetailsSupport !== true) problem(`${what}: labelDetails, but the client has no labelDetailsSupport`);
    if (item.textEdit && 'insert' in item.textEdit && able.insertReplaceSupport !== true) problem(`${what}: insert and replace ranges, but the client has no insertReplaceSupport`);
    markup(item.documentation, able.documentationFormat, `${what}: documentation`, problem);
    const range = item.textEdit?.range ?? item.textEdit?.insert;
    if (range && range.start.line !== range.end.line) problem(`${what}: its edit spans lines`);
  }
}

function signatureHelp(result, { client }, problem) {
  if (!isObject(result)) return;
  const able = client('signatureHelp.signatureInformation') ?? {};
  if (result.activeSignature !== undefined && result.signatures.length > 0 && result.activeSignature >= result.signatures.length) problem(`activeSignature ${result.activeSignature} of ${result.signatures.length}`);
  for (const signature of result.signatures) {
    markup(signature.documentation, able.documentationFormat, 'documentation of a signature', problem);
    if (signature.activeParameter !== undefined && able.activeParameterSupport !== true) problem('activeParameter of a signature, but the client has no activeParameterSupport');
    for (const { label, documentation } of signature.parameters ?? []) {
      if (Array.isArray(label) && able.parameterInformation?.labelOffsetSupport !== true) problem('label offsets, but the client has no labelOffsetSupport');
      if (Array.isArray(label) && (label[0] > label[1] || label[1] > signature.label.length)) problem(`label offsets ${label} outside '${signature.label}'`);
      if (typeof label === 'string' && !signature.label.includes(label)) problem(`parameter '${label}' is not in '${signature.label}'`);
      markup(documentation, able.documentationFormat, 'documentation of a parameter', problem);
    }
  }
}

function folding(result, { client }, problem) {
  const able = client('foldingRange') ?? {};
  const kinds = able.foldingRangeKind?.valueSet;
  if (able.rangeLimit !== undefined && listOf(result).length > able.rangeLimit) problem(`${result.length} folds, the client takes ${able.rangeLimit}`);
  for (const fold of listOf(result)) {
    if (fold.endLine < fold.startLine) problem(`a fold from line ${fold.startLine} to ${fold.endLine}`);
    if (fold.collapsedText !== undefined && able.foldingRange?.collapsedText !== true) problem('collapsedText, but the client does not know it');
    if (kinds && fold.kind !== undefined && !kinds.includes(fold.kind)) problem(`fold kind ${fold.kind} is outside the client's valueSet`);
    if (able.lineFoldingOnly === true && fold.endLine === fold.startLine) problem(`a fold inside line ${fold.startLine}, but the client folds lines only`);
  }
}

function selection(result, { params, flaw }, problem) {
  const asked = params?.positions ?? [];
  if (Array.isArray(result) && result.length !== asked.length) problem(`${result.length} selection ranges for ${asked.length} positions`);
  listOf(result).forEach((node, i) => {
    // A position that the text does not have is moved into it.
    const at = asked[i] && !flaw(asked[i]) && { start: asked[i], end: asked[i] };
    if (at && !inside(node.range, at)) problem(`selection range ${i} does not hold its position`);
    for (let depth = 0; node.parent; node = node.parent, depth += 1) {
      if (!inside(node.parent.range, node.range)) problem(`selection range ${i}: the parent at depth ${depth} does not hold it`);
      if (depth > 10_000) { problem(`selection range ${i} never ends`); break; }
    }
  });
}

function tokens(result, { server, client }, problem) {
  const legend = server('semanticTokensProvider.legend');
  const data = result?.data;
  if (!Array.isArray(data) || !legend) return;
  if (data.length % 5 !== 0) return problem(`${data.length} numbers are no whole tokens`);
  let line = 0, end = 0, start = 0;
  for (let i = 0; i < data.length; i += 5) {
    const [deltaLine, deltaStart, length, type, modifiers] = data.slice(i, i + 5);
    if (deltaLine > 0) end = 0;
    line += deltaLine;
    start = deltaLine > 0 ? deltaStart : start + deltaStart;
    if (length === 0) problem(`token ${i / 5} in line ${line} is empty`);
    if (start < end && client('semanticTokens.overlappingTokenSupport') !== true) problem(`token ${i / 5} in line ${line} overlaps the one before it`);
    end = start + length;
    if (type >= legend.tokenTypes.length) problem(`token type ${type} is not in the legend`);
    if (modifiers >= 2 ** legend.tokenModifiers.length) problem(`token modifiers ${modifiers} are not in the legend`);
  }
}

function codeActions(result, { client }, problem) {
  const able = client('codeAction') ?? {};
  for (const action of listOf(result)) {
    const literal = typeof action.command !== 'string';
    if (literal && !able.codeActionLiteralSupport) problem('a CodeAction, but the client takes commands only');
    if (literal && action.edit === undefined && action.command === undefined && action.disabled === undefined && !able.resolveSupport) problem(`'${action.title}' has nothing to do, and the client cannot resolve it`);
    if (action.data !== undefined && literal && able.dataSupport !== true) problem(`'${action.title}': data, but the client has no dataSupport`);
    if (action.isPreferred !== undefined && able.isPreferredSupport !== true) problem(`'${action.title}': isPreferred, but the client does not know it`);
    if (action.disabled !== undefined && able.disabledSupport !== true) problem(`'${action.title}': disabled, but the client does not know it`);
    if (action.tags !== undefined && able.tagSupport === undefined) problem(`'${action.title}': tags, but the client has no tagSupport`);
  }
}

function diagnostics(items, capability, { client }, problem) {
  const able = client(capability) ?? {};
  for (const item of items ?? []) {
    if (item.tags?.length && !able.tagSupport) problem('diagnostic tags, but the client has no tagSupport');
    for (const tag of item.tags ?? []) if (able.tagSupport && !able.tagSupport.valueSet?.includes(tag)) problem(`diagnostic tag ${tag} is outside the client's valueSet`);
    if (item.relatedInformation && able.relatedInformation !== true) problem('relatedInformation, but the client has no relatedInformation');
    if (item.codeDescription && able.codeDescriptionSupport !== true) problem('codeDescription, but the client has no codeDescriptionSupport');
    if (item.data !== undefined && able.dataSupport !== true) problem('data of a diagnostic, but the client has no dataSupport');
    if (isObject(item.message) && able.markupMessageSupport !== true) problem('a markup message, but the client has no markupMessageSupport');
  }
}

const hierarchyItems = (guard) => (result, { client }, problem) => {
  for (const one of listOf(result)) {
    const item = one.from ?? one.to ?? one;
    if (!inside(item.range, item.selectionRange)) problem(`selectionRange of '${item.name}' lies outside its range`);
    if (item.tags && !client(`${guard}.tagSupport`)) problem(`'${item.name}' has tags, but the client has no tagSupport`);
  }
};

export const shapes = {
  'textDocument/completion': completion,
  'textDocument/signatureHelp': signatureHelp,
  'textDocument/foldingRange': folding,
  'textDocument/selectionRange': selection,
  'textDocument/semanticTokens/full': tokens,
  'textDocument/semanticTokens/range': tokens,
  'textDocument/codeAction': codeActions,
  'codeAction/resolve': (result, context, problem) => workspaceEdit(result?.edit, context, problem),
  'textDocument/rename': workspaceEdit,
  'workspace/willRenameFiles': workspaceEdit,
  'textDocument/prepareRename': (result, { client }, problem) => {
    if (isObject(result) && 'defaultBehavior' in result && client('rename.prepareSupportDefaultBehavior') === undefined) problem('defaultBehavior, but the client does not know it');
  },
  'textDocument/documentLink': (result, { client }, problem) => {
    for (const link of listOf(result)) if (link.tooltip !== undefined && client('documentLink.tooltipSupport') !== true) problem('a tooltip, but the client has no tooltipSupport');
  },
  'textDocument/codeLens': (result, { client, server }, problem) => {
    for (const lens of listOf(result)) {
      if (!lens.command && server('codeLensProvider.resolveProvider') !== true) problem('a lens without a command, but nothing resolves it');
      if (lens.range.start.line !== lens.range.end.line) problem('a lens spans lines');
    }
    void client;
  },
  'textDocument/inlayHint': (result, { params }, problem) => {
    for (const hint of listOf(result)) if (params?.range && !inside(params.range, { start: hint.position, end: hint.position })) problem(`a hint at ${JSON.stringify(hint.position)}, outside the range that was asked for`);
  },
  'textDocument/diagnostic': (result, context, problem) => diagnostics(result?.items, 'diagnostic', context, problem),
  'workspace/diagnostic': (result, context, problem) => (result?.items ?? []).forEach((report) => diagnostics(report.items, 'diagnostic', context, problem)),
  'textDocument/linkedEditingRange': (result, _, problem) => {
    const ranges = result?.ranges ?? [];
    const width = ({ start, end }) => (start.line === end.line ? end.character - start.character : -1);
    if (new Set(ranges.map(width)).size > 1) problem('linked ranges are not equally long');
  },
  'textDocument/prepareCallHierarchy': hierarchyItems('callHierarchy'),
  'callHierarchy/incomingCalls': hierarchyItems('callHierarchy'),
  'callHierarchy/outgoingCalls': hierarchyItems('callHierarchy'),
  'textDocument/prepareTypeHierarchy': hierarchyItems('typeHierarchy'),
  'typeHierarchy/supertypes': hierarchyItems('typeHierarchy'),
  'typeHierarchy/subtypes': hierarchyItems('typeHierarchy'),
};

// What the server sends by itself, by the same rules.
export const sent = {
  'workspace/applyEdit': (params, context, problem) => workspaceEdit(params?.edit, context, problem),
  'textDocument/publishDiagnostics': (params, context, problem) => diagnostics(params?.diagnostics, 'publishDiagnostics', context, problem),
};
