// lib/validator.mjs - judges one whole LSP session: every message of both sides, in the order they were sent.
//
//   const judge = new SessionValidator(loadSchemas());
//   judge.message('client' | 'server', parsedMessage);     // who sent it
//   judge.exit({ code });                                  // the process ended
//   judge.finish();                                        // nothing may be open any more
//   judge.problems                                         // [] or one line per violation
//
// Beyond the schemas: ids are paired, each request is answered exactly once with a result or an error but not both,
// only advertised capabilities are used (static or registered), progress begins and ends, positions lie inside the
// open documents in the negotiated encoding, ranges nest, nothing but the allowed is said before initialize.
import { commands, flaws, privateMethods } from './private.mjs';
import { sent, shapes } from './shapes.mjs';
import { TextMirror } from './text.mjs';

const REQUEST_KEYS = new Set(['jsonrpc', 'id', 'method', 'params']);
const RESPONSE_KEYS = new Set(['jsonrpc', 'id', 'result', 'error']);
const ERROR_KEYS = new Set(['code', 'message', 'data']);
const BEFORE_INITIALIZED = new Set(['window/showMessage', 'window/logMessage', 'telemetry/event', 'window/showMessageRequest', '$/progress', '$/logTrace']);
const OTHER_SIDE = { client: 'server', server: 'client' };
const MAX_PROBLEMS = 200;

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const lookUp = (tree, dotted) => dotted.split('.').reduce((node, key) => (isObject(node) ? node[key] : undefined), tree);
const isPosition = (value) => isObject(value) && Number.isInteger(value.line) && Number.isInteger(value.character);
const isRange = (value) => isObject(value) && isPosition(value.start) && isPosition(value.end);
const before = (a, b) => a.line < b.line || (a.line === b.line && a.character < b.character);
const contains = (outer, inner) => !before(inner.start, outer.start) && !before(outer.end, inner.end);
const kindsUpTo = (last) => Array.from({ length: last }, (_, index) => index + 1);

export class SessionValidator {
  constructor(schemas) {
    this.schemas = schemas;
    this.problems = [];
    this.counts = { client: 0, server: 0, requests: 0, answers: 0, errors: 0, cancelled: 0 };
    this.pending = { client: new Map(), server: new Map() };   // by who asked: id -> request
    this.answered = { client: new Set(), server: new Set() };
    this.documents = new Map();
    this.registered = new Map();                                // registration id -> method
    this.tokens = new Map();                                    // progress token -> { state, kind, method }
    this.phase = 'new';                                         // new, initializing, initialized, shutdown, exited
    this.encoding = 'utf-16';
  }

  problem(text) {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(text);
  }

  // broken: the client may break the rules here on purpose; how the server takes it is judged all the same.
  message(sender, message, { broken = false } = {}) {
    if (!broken) return this.judgeMessage(sender, message);
    const known = this.problems.length;
    try {
      this.judgeMessage(sender, message);
    } catch (error) {
      this.problem(`client: what cannot even be judged: ${error.message}`);
    }
    const found = this.problems.splice(known);
    this.problems.push(...found.filter((text) => !text.startsWith('client:')));
    // After an edit that LSP does not define the server's text is its own affair, until the document is opened anew.
    const document = this.documents.get(message?.params?.textDocument?.uri);
    if (found.length > 0 && document && message.method !== 'textDocument/didClose') Object.assign(document, { flawOf: () => undefined, change: () => {} });
    return undefined;
  }

  // A message that was too large to be kept: of a request or an answer its id counts, of a document nothing is known.
  large(sender, { id, method }) {
    this.counts[sender] += 1;
    if (id !== undefined && method !== undefined) this.pending[sender].set(id, { method, phase: this.phase, cancelled: false });
    else if (id !== undefined) {
      const asker = OTHER_SIDE[sender];
      if (!this.pending[asker].delete(id)) this.problem(`${sender}: a large answer to ${JSON.stringify(id)}, which is not open`);
      this.answered[asker].add(id);
    }
  }

  judgeMessage(sender, message) {
    this.counts[sender] += 1;
    if (!isObject(message)) return this.problem(`${sender}: a message is not an object`);
    if (message.jsonrpc !== '2.0') this.problem(`${sender}: jsonrpc is ${JSON.stringify(message.jsonrpc)}, expected "2.0"`);
    if ('method' in message) {
      if (typeof message.method !== 'string') return this.problem(`${sender}: method is not a string`);
      this.onlyKeys(sender, message, REQUEST_KEYS);
      return 'id' in message ? this.request(sender, message) : this.notification(sender, message);
    }
    if ('id' in message) {
      this.onlyKeys(sender, message, RESPONSE_KEYS);
      return this.response(sender, message);
    }
    return this.problem(`${sender}: neither method nor id in ${JSON.stringify(message).slice(0, 120)}`);
  }

  onlyKeys(sender, value, keys) {
    for (const key of Object.keys(value)) {
      if (!keys.has(key)) this.problem(`${sender}: unknown member '${key}' beside ${Object.keys(value).join(', ')}`);
    }
  }

  // ---- requests and notifications -------------------------------------------------------------------------------

  request(sender, message) {
    const { id, method, params } = message;
    this.counts.requests += 1;
    if (!Number.isInteger(id) && typeof id !== 'string') this.problem(`${sender}: ${method}: id is ${JSON.stringify(id)}, expected an integer or a string`);
    if (this.pending[sender].has(id)) this.problem(`${sender}: ${method}: id ${JSON.stringify(id)} is already in use`);
    if (this.answered[sender].has(id)) this.problem(`${sender}: ${method}: id ${JSON.stringify(id)} was used before`);
    const entry = this.methodOf(sender, method, 'request', params);
    this.pending[sender].set(id, { method, params, entry, phase: this.phase, cancelled: false });
    if (entry) {
      this.checkPart(`${sender}: ${method}`, method, 'params', params);
      this.mayUse(sender, entry);
    }
    this.orderOf(sender, method);
    if (method === 'initialize' && sender === 'client' && this.phase === 'new') {
      this.phase = 'initializing';
      this.clientCapabilities = isObject(params?.capabilities) ? params.capabilities : {};
    }
    if (method === 'shutdown' && sender === 'client') this.phase = 'shutdown';
    if (sender === 'client' && isObject(params)) {
      for (const key of ['workDoneToken', 'partialResultToken']) {
        if (params[key] !== undefined) this.tokens.set(params[key], { state: 'offered', kind: key, method, id });
      }
    }
    if (method === 'workspace/executeCommand' && sender === 'client') this.command(params);
    if (sender === 'server') this.serverRequest(method, params);
    if (sender === 'server' && entry) sent[method]?.(params, this.context(params), (text) => this.problem(`server: ${method}: ${text}`));
  }

  // Our own commands; another server's are its own affair.
  command(params) {
    const own = commands[params?.command];
    if (!own) return;
    const given = params.arguments ?? [];
    if (given.length > (own.argument ? 1 : 0)) this.problem(`client: ${params.command} with ${given.length} arguments`);
    else if (given.length === 1) for (const flaw of flaws(own.argument, given[0])) this.problem(`client: ${params.command}: ${flaw}`);
  }

  serverRequest(method, params) {
    if (method === 'window/workDoneProgress/create' && params?.token !== undefined) {
      if (this.tokens.has(params.token)) this.problem(`server: ${method}: token ${JSON.stringify(params.token)} exists already`);
      this.tokens.set(params.token, { state: 'offered', kind: 'created' });
    }
    if (method === 'client/registerCapability') {
      for (const { id, method: wanted } of params?.registrations ?? []) {
        if (this.registered.has(id)) this.problem(`server: registration id ${id} is in use`);
        this.registered.set(id, wanted);
        const entry = this.schemas.methods.get(wanted);
        const guard = wanted === 'textDocument/semanticTokens' ? 'textDocument.semanticTokens' : entry?.clientCapability;
        // didOpen, didChange ... share one capability in the types; the path may end in a detail of it.
        const holders = guard ? guard.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.')) : [];
        if (!holders.some((path) => lookUp(this.clientCapabilities, path)?.dynamicRegistration === true)) {
          this.problem(`server: registers ${wanted}, but the client did not offer dynamicRegistration for it`);
        }
      }
    }
    if (method === 'client/unregisterCapability') {
      for (const { id } of params?.unregisterations ?? []) {
        if (!this.registered.delete(id)) this.problem(`server: unregisters ${id}, which is not registered`);
      }
    }
  }

  notification(sender, message) {
    const { method, params } = message;
    const entry = this.methodOf(sender, method, 'notification', params);
    if (entry) {
      this.checkPart(`${sender}: ${method}`, method, 'params', params);
      this.mayUse(sender, entry);
      if (sender === 'server') sent[method]?.(params, this.context(params), (text) => this.problem(`server: ${method}: ${text}`));
    }
    this.orderOf(sender, method);
    if (method === '$/cancelRequest') {
      const request = this.pending[sender].get(params?.id);
      if (request) request.cancelled = true;   // cancelling what was answered meanwhile is a normal race
    } else if (method === 'window/workDoneProgress/cancel') {
      // The work that the token is about may be a request's; which one, a token of the server does not say.
      const about = this.tokens.get(params?.token)?.id;
      for (const [id, request] of this.pending.client) if (about === undefined || id === about) request.cancelled = true;
    } else if (method === '$/progress') {
      this.progress(sender, params);
    } else if (method === 'textDocument/publishDiagnostics' && isObject(params)) {
      this.diagnostics(params);
    } else if (sender === 'client') {
      this.documentSync(method, params);
      if (method === 'exit') this.phase = this.phase === 'shutdown' ? 'exited' : 'exited early';
    }
  }

  methodOf(sender, method, kind, params) {
    const entry = this.schemas.methods.get(method);
    if (!entry) {
      const own = privateMethods[method];
      if (own) {
        if (own.kind !== kind) this.problem(`${sender}: ${method} is a ${own.kind}, sent as a ${kind}`);
        if (own.direction !== `${sender}To${sender === 'client' ? 'Server' : 'Client'}`) this.problem(`${sender}: ${method} goes ${own.direction}`);
        for (const flaw of flaws(own.params, params)) this.problem(`${sender}: ${method}: ${flaw}`);
        return undefined;
      }
      // A client may probe with unknown methods; the server must answer, and is asked to in the tests.
      if (sender === 'server') this.problem(`server: unknown method ${method}`);
      return undefined;
    }
    if (entry.kind !== kind) this.problem(`${sender}: ${method} is a ${entry.kind}, sent as a ${kind}`);
    if (entry.direction !== 'both' && entry.direction !== `${sender}To${sender === 'client' ? 'Server' : 'Client'}`) {
      this.problem(`${sender}: ${method} goes ${entry.direction}`);
    }
    return entry;
  }

  orderOf(sender, method) {
    if (sender === 'server') {
      if ((this.phase === 'new' || this.phase === 'initializing') && !BEFORE_INITIALIZED.has(method)) {
        this.problem(`server: ${method} before the initialize answer`);
      }
      // What comes after the client's exit may have crossed it on the wire.
    }
  }

  // Only what the other side advertised may be used.
  mayUse(sender, entry) {
    const path = sender === 'server' ? entry.clientCapability : entry.serverCapability;
    if (!path || entry.method === 'initialize') return;
    const holder = sender === 'server' ? this.clientCapabilities : this.serverCapabilities;
    if (holder === undefined) return;   // orderOf speaks about that
    if (sender === 'client' && [...this.registered.values()].some((method) => method === entry.method)) return;
    const value = lookUp(holder, path);
    if (sender === 'client' && path.startsWith('textDocumentSync')) return this.mayNotify(entry, holder.textDocumentSync);
    // publishDiagnostics and the log and message notifications were there before capabilities were.
    if (sender === 'server' && entry.kind === 'notification') return;
    if (value === undefined || value === null || value === false) {
      this.problem(`${sender}: uses ${entry.method}, but the ${OTHER_SIDE[sender]} did not advertise ${path}`);
    }
  }

  mayNotify(entry, sync) {
    const level = isObject(sync) ? sync.change ?? 0 : sync ?? 0;
    const allowed = {
      'textDocument/didOpen': isObject(sync) ? sync.openClose === true : level > 0,
      'textDocument/didClose': isObject(sync) ? sync.openClose === true : level > 0,
      'textDocument/didChange': level > 0,
      'textDocument/didSave': isObject(sync) ? Boolean(sync.save) : level > 0,
      'textDocument/willSave': isObject(sync) && sync.willSave === true,
      'textDocument/willSaveWaitUntil': isObject(sync) && sync.willSaveWaitUntil === true,
    }[entry.method];
    if (allowed === false) this.problem(`client: sends ${entry.method}, but the server did not advertise it in textDocumentSync`);
  }

  // ---- answers ----------------------------------------------------------------------------------------------------

  response(sender, message) {
    const asker = OTHER_SIDE[sender];
    const { id } = message;
    const hasResult = 'result' in message, hasError = 'error' in message;
    if (hasResult && hasError) this.problem(`${sender}: the answer to ${JSON.stringify(id)} has both result and error`);
    if (!hasResult && !hasError) this.problem(`${sender}: the answer to ${JSON.stringify(id)} has neither result nor error`);
    if (hasError) this.error(sender, message);
    if (id === null) {
      if (!hasError) this.problem(`${sender}: an answer with id null must be an error`);
      return;
    }
    const request = this.pending[asker].get(id);
    if (!request) {
      this.problem(this.answered[asker].has(id) ? `${sender}: request ${JSON.stringify(id)} is answered a second time`
        : `${sender}: answers request ${JSON.stringify(id)}, which nobody asked`);
      return;
    }
    this.pending[asker].delete(id);
    this.answered[asker].add(id);
    this.counts.answers += 1;
    for (const [token, progress] of this.tokens) {
      if (progress.id === id && progress.state === 'running') this.problem(`server: ${request.method} was answered while its progress ${JSON.stringify(token)} still runs`);
      if (progress.id === id) this.tokens.delete(token);
    }
    if (hasError) {
      this.counts.errors += 1;
      if (message.error?.code === -32800) {
        this.counts.cancelled += 1;
        if (!request.cancelled) this.problem(`${sender}: ${request.method} answered RequestCancelled, but nobody cancelled it`);
      }
      if (request.method === 'initialize' && this.phase === 'initializing') this.phase = 'new';
      return;
    }
    if (sender === 'server' && request.method !== 'initialize' && request.phase === 'new') {
      this.problem(`server: answered ${request.method} before initialize, expected error -32002`);
    }
    if (sender === 'server' && request.phase === 'shutdown' && request.method !== 'shutdown') {
      this.problem(`server: answered ${request.method} after shutdown, expected error -32600`);
    }
    if (request.method === 'initialize') this.initialized(message.result);
    if (!request.entry) return;
    const where = `${sender}: result of ${request.method}`;
    if (request.entry.voidResult) {
      if (message.result !== null) this.problem(`${where} is ${JSON.stringify(message.result)?.slice(0, 60)}, expected null`);
      return;
    }
    this.checkPart(where, request.method, 'result', message.result);
    if (sender === 'server') this.resultShape(where, request, message.result);
  }

  error(sender, { id, error }) {
    if (!isObject(error)) return this.problem(`${sender}: the error of ${JSON.stringify(id)} is not an object`);
    this.onlyKeys(`${sender}: error of ${JSON.stringify(id)}`, error, ERROR_KEYS);
    if (!Number.isInteger(error.code)) this.problem(`${sender}: error code ${JSON.stringify(error.code)} is not an integer`);
    if (typeof error.message !== 'string' || error.message === '') this.problem(`${sender}: the error of ${JSON.stringify(id)} has no message`);
  }

  initialized(result) {
    this.phase = 'initialized';
    this.serverCapabilities = isObject(result?.capabilities) ? result.capabilities : {};
    const offered = this.clientCapabilities.general?.positionEncodings ?? ['utf-16'];
    this.encoding = this.serverCapabilities.positionEncoding ?? 'utf-16';
    if (!offered.includes(this.encoding)) this.problem(`server: chose position encoding ${this.encoding}, offered were ${offered.join(', ')}`);
    for (const document of this.documents.values()) document.encoding = this.encoding;
  }

  // What a result may look like depends on what the client said it understands.
  resultShape(where, { method, params }, result) {
    if (result === null || result === undefined) return;
    const client = this.clientCapabilities ?? {};
    const uri = params?.textDocument?.uri ?? params?.item?.uri;
    if (method === 'textDocument/documentSymbol') {
      const allowed = client.textDocument?.documentSymbol?.symbolKind?.valueSet ?? kindsUpTo(18);
      const visit = (symbol, parent) => {
        if (!allowed.includes(symbol.kind)) this.problem(`${where}: symbol kind ${symbol.kind} is outside the client's valueSet`);
        if (symbol.name === undefined || symbol.name.trim?.() === '') this.problem(`${where}: a symbol has an empty name`);
        if (!isRange(symbol.range)) return;
        if (client.textDocument?.documentSymbol?.hierarchicalDocumentSymbolSupport !== true) {
          this.problem(`${where}: DocumentSymbol, but the client has no hierarchicalDocumentSymbolSupport`);
        }
        if (isRange(symbol.selectionRange) && !contains(symbol.range, symbol.selectionRange)) this.problem(`${where}: selectionRange of '${symbol.name}' lies outside its range`);
        if (parent && !contains(parent.range, symbol.range)) this.problem(`${where}: '${symbol.name}' lies outside its parent '${parent.name}'`);
        for (const child of symbol.children ?? []) visit(child, symbol);
      };
      if (Array.isArray(result)) result.forEach((symbol) => isObject(symbol) && visit(symbol, null));
    }
    if (method === 'workspace/symbol' && Array.isArray(result)) {
      const allowed = client.workspace?.symbol?.symbolKind?.valueSet ?? kindsUpTo(18);
      for (const symbol of result) {
        if (!allowed.includes(symbol?.kind)) this.problem(`${where}: symbol kind ${symbol?.kind} is outside the client's valueSet`);
        if (symbol?.location && !symbol.location.range && !client.workspace?.symbol?.resolveSupport) this.problem(`${where}: a symbol without range, but the client has no resolveSupport`);
      }
    }
    for (const [name, key] of [['definition', 'definition'], ['declaration', 'declaration'], ['typeDefinition', 'typeDefinition'], ['implementation', 'implementation']]) {
      if (method === `textDocument/${name}` && Array.isArray(result) && result.some((link) => 'targetUri' in (link ?? {})) && client.textDocument?.[key]?.linkSupport !== true) {
        this.problem(`${where}: LocationLink, but the client has no linkSupport`);
      }
    }
    if (method === 'textDocument/hover' && isObject(result.contents) && 'kind' in result.contents) {
      const formats = client.textDocument?.hover?.contentFormat ?? ['plaintext'];
      if (!formats.includes(result.contents.kind)) this.problem(`${where}: contents are ${result.contents.kind}, the client accepts ${formats.join(', ')}`);
    }
    const own = method === 'workspace/executeCommand' ? commands[params?.command] : undefined;
    if (own) for (const flaw of flaws(own.result, result)) this.problem(`${where}: ${params.command}: ${flaw}`);
    shapes[method]?.(result, this.context(params), (text) => this.problem(`${where}: ${text}`));
    this.walkPositions(where, result, uri);
  }

  context(params) {
    const client = (path) => (path.startsWith('/') ? lookUp(this.clientCapabilities, path.slice(1)) : lookUp(this.clientCapabilities?.textDocument, path));
    const flaw = (position) => this.documents.get(params?.textDocument?.uri)?.flawOf(position);
    return { client, server: (path) => lookUp(this.serverCapabilities, path), params, flaw };
  }

  // Every position of an open document lies in it, on a character boundary, in the negotiated encoding.
  walkPositions(where, value, uri) {
    if (Array.isArray(value)) return value.forEach((inner) => this.walkPositions(where, inner, uri));
    if (!isObject(value)) return;
    if (isRange(value)) {
      if (before(value.end, value.start)) this.problem(`${where}: range ends before it starts: ${JSON.stringify(value)}`);
      const document = this.documents.get(uri);
      for (const position of document ? [value.start, value.end] : []) {
        const flaw = document.flawOf(position);
        if (flaw) this.problem(`${where}: ${JSON.stringify(position)} of ${uri.split('/').pop()}: ${flaw}`);
      }
      return;
    }
    // An edit of a document names it beside its edits.
    const own = [value.targetUri, value.uri, value.textDocument?.uri].find((name) => typeof name === 'string') ?? uri;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'data' || key === 'experimental') continue;   // opaque to the other side
      if (key === 'changes' && isObject(inner)) for (const [name, edits] of Object.entries(inner)) this.walkPositions(where, edits, name);
      // The calls of an incoming call are in the caller's document, of an outgoing one in that of the item asked about.
      else if (key === 'fromRanges') this.walkPositions(where, inner, value.from?.uri ?? uri);
      else this.walkPositions(where, inner, key === 'originSelectionRange' ? uri : own);
    }
  }

  // ---- progress, diagnostics, documents ------------------------------------------------------------------------------

  progress(sender, params) {
    const token = params?.token;
    const progress = this.tokens.get(token);
    if (sender !== 'server') return;
    if (!progress) return this.problem(`server: progress for token ${JSON.stringify(token)}, which nobody offered or which has ended`);
    if (progress.kind === 'partialResultToken') {
      this.checkPart(`server: partial result of ${progress.method}`, progress.method, 'partial', params.value);
      return;
    }
    const kind = params.value?.kind;
    const type = { begin: 'Part_WorkDoneProgressBegin', report: 'Part_WorkDoneProgressReport', end: 'Part_WorkDoneProgressEnd' }[kind];
    if (!type) return this.problem(`server: progress kind ${JSON.stringify(kind)}, expected begin, report or end`);
    for (const flaw of this.schemas.checkType(type, params.value)) this.problem(`server: progress ${kind}: ${flaw}`);
    if (kind === 'begin') {
      if (progress.state !== 'offered') this.problem(`server: progress ${JSON.stringify(token)} begins twice`);
      progress.state = 'running';
    } else {
      if (progress.state !== 'running') this.problem(`server: progress ${JSON.stringify(token)}: ${kind} without begin`);
      if (kind === 'end') this.tokens.delete(token);
    }
    const percentage = params.value?.percentage;
    if (percentage !== undefined && (percentage < (progress.percentage ?? 0) || percentage > 100)) {
      this.problem(`server: progress ${JSON.stringify(token)}: percentage ${percentage} after ${progress.percentage ?? 0}`);
    }
    if (percentage !== undefined) progress.percentage = percentage;
  }

  diagnostics(params) {
    const document = this.documents.get(params.uri);
    if (params.version !== undefined) {
      if (this.clientCapabilities?.textDocument?.publishDiagnostics?.versionSupport !== true) this.problem('server: diagnostics carry a version, but the client has no versionSupport');
      if (document && params.version > document.version) this.problem(`server: diagnostics for version ${params.version}, the client is at ${document.version}`);
    }
    // Diagnostics of an older version may lie outside the newer text.
    const current = document === undefined || params.version === document.version ? params.uri : undefined;
    this.walkPositions('server: diagnostics', params.diagnostics, current);
  }

  documentSync(method, params) {
    if (!isObject(params?.textDocument)) return;
    const { uri, version, text } = params.textDocument;
    if (method === 'textDocument/didOpen') {
      if (this.documents.has(uri)) this.problem(`client: opens ${uri} twice`);
      this.documents.set(uri, new TextMirror(text, version, this.encoding));
    } else if (method === 'textDocument/didChange') {
      const document = this.documents.get(uri);
      if (!document) return this.problem(`client: changes ${uri}, which is not open`);
      if (version <= document.version) this.problem(`client: version ${version} of ${uri} after ${document.version}`);
      for (const change of params.contentChanges ?? []) {
        if (isRange(change.range) && before(change.range.end, change.range.start)) this.problem(`client: didChange: range ends before it starts: ${JSON.stringify(change.range)}`);
        for (const position of change.range ? [change.range.start, change.range.end] : []) {
          const flaw = document.flawOf(position);
          if (flaw) this.problem(`client: didChange at ${JSON.stringify(position)}: ${flaw}`);
        }
        document.change(change);
      }
      document.version = version;
    } else if (method === 'textDocument/didClose') {
      if (!this.documents.delete(uri)) this.problem(`client: closes ${uri}, which is not open`);
    }
  }

  checkPart(where, method, part, value) {
    for (const flaw of this.schemas.check(method, part, value)) this.problem(`${where}: ${flaw}`);
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  exit({ code }) {
    const expected = this.phase === 'exited' ? 0 : 1;
    if (code !== expected) this.problem(`server: exit status ${code}, expected ${expected} (${this.phase})`);
  }

  finish() {
    for (const side of ['client', 'server']) {
      for (const [id, { method }] of this.pending[side]) {
        // A client that leaves owes the server no answer.
        if (side === 'server' && this.phase.startsWith('exited')) continue;
        if (side === 'client' && this.phase === 'exited early') continue;
        this.problem(`${OTHER_SIDE[side]}: ${method} (id ${JSON.stringify(id)}) was never answered`);
      }
    }
    return this.problems;
  }
}
