// vscode/vscode_module.cjs - enough of the `vscode` module to run an extension built on vscode-languageclient in plain Node.
//
// What is exercised is real (events, documents, positions, providers, commands, output); every other member is a
// placeholder that can be called, constructed and subclassed, so that the language client's feature classes load.
'use strict';
const { pathToFileURL, fileURLToPath } = require('node:url');
const fs = require('node:fs');
const path = require('node:path');

class Position {
  constructor(line, character) { Object.assign(this, { line, character }); }
}
class Range {
  constructor(a, b, c, d) {
    this.start = a instanceof Position ? a : new Position(a, b);
    this.end = a instanceof Position ? b : new Position(c, d);
  }
  get isEmpty() { return this.start.line === this.end.line && this.start.character === this.end.character; }
}
class Location {
  constructor(uri, range) { Object.assign(this, { uri, range }); }
}
class Uri {
  constructor(href) { this.href = href; this.scheme = href.split(':')[0]; }
  static parse(href) { return new Uri(href); }
  static file(name) { return new Uri(pathToFileURL(name).href); }
  get fsPath() { return this.scheme === 'file' ? fileURLToPath(this.href) : this.href; }
  get path() { return this.fsPath; }
  toString() { return this.href; }
  with() { return this; }
}
class EventEmitter {
  constructor() {
    this.listeners = new Set();
    this.event = (listener, self, disposables) => {
      const bound = self ? listener.bind(self) : listener;
      this.listeners.add(bound);
      const disposable = { dispose: () => this.listeners.delete(bound) };
      if (Array.isArray(disposables)) disposables.push(disposable);
      return disposable;
    };
  }
  fire(value) { return [...this.listeners].map((listener) => listener(value)); }
  dispose() { this.listeners.clear(); }
}
class CancellationError extends Error {}
class Disposable {
  constructor(callback) { this.callback = callback; }
  static from(...items) { return new Disposable(() => items.forEach((item) => item.dispose())); }
  dispose() { this.callback?.(); }
}
class CancellationTokenSource {
  constructor() {
    const emitter = new EventEmitter();
    this.token = { isCancellationRequested: false, onCancellationRequested: emitter.event };
    this.cancel = () => { if (!this.token.isCancellationRequested) { this.token.isCancellationRequested = true; emitter.fire(); } };
  }
  dispose() {}
}
class Hover {
  constructor(contents, range) { Object.assign(this, { contents: [contents].flat(), range }); }
}
class MarkdownString {
  constructor(value = '') { this.value = value; }
  appendCodeblock(code) { this.value += code; return this; }
  appendMarkdown(text) { this.value += text; return this; }
}

class ThemeColor {
  constructor(id) { this.id = id; }
}

function placeholder(name) {
  const target = class Placeholder { constructor(...given) { this.given = given; } };
  return new Proxy(target, {
    get(object, key) {
      if (key in object || typeof key === 'symbol' || key === 'then') return object[key];
      object[key] = placeholder(`${name}.${String(key)}`);
      return object[key];
    },
    apply: () => ({ dispose() {} }),
  });
}
const numbered = (...names) => Object.fromEntries(names.flatMap((name, index) => [[name, index], [index, name]]));
const open = (name, members) => new Proxy(members, {
  get: (object, key) => (key in object || typeof key === 'symbol' || key === 'then' ? object[key]
    : (object[key] = /^on(Did|Will)/.test(String(key)) ? new EventEmitter().event : placeholder(`${name}.${String(key)}`))),
});

// Returns the module and a record of what the extension did to it.
function makeVscode({ folder, settings, extensions = [] }) {
  const record = { commands: new Map(), providers: [], messages: [], output: [], status: [] };
  const events = { open: new EventEmitter(), change: new EventEmitter(), close: new EventEmitter(), configuration: new EventEmitter() };
  const workspaceFolder = { uri: Uri.file(folder), name: path.basename(folder), index: 0 };
  const documents = [];
  const log = (level) => (...words) => record.output.push(`${level}: ${words.join(' ')}`);
  const channel = {
    name: 'engramd', append: log('append'), appendLine: log('line'), trace: log('trace'), debug: log('debug'), info: log('info'), warn: log('warn'),
    error: log('error'), show() {}, clear() {}, replace() {}, hide() {}, dispose() {}, logLevel: 3, onDidChangeLogLevel: new EventEmitter().event,
  };
  const say = (kind) => (text, ...rest) => { record.messages.push({ kind, text, choices: rest.filter((item) => typeof item === 'string') }); return Promise.resolve(undefined); };
  const configuration = (section) => ({
    get: (key, fallback) => settings[section ? `${section}.${key}` : key] ?? fallback, has: () => false, inspect: () => undefined, update: async () => {},
  });
  const languages = new Proxy({}, {
    get: (_, name) => {
      if (name === 'match') return () => 10;
      if (name === 'createDiagnosticCollection') return () => ({ set() {}, delete() {}, clear() {}, dispose() {}, forEach() {} });
      return (...given) => { record.providers.push({ name: String(name), provider: given.at(-1)?.provideDefinition || typeof given[1] === 'object' ? given[1] : given[0], given }); return { dispose() {} }; };
    },
  });
  const module = open('vscode', {
    version: '1.91.0', Position, Range, Location, Uri, EventEmitter, CancellationError, CancellationTokenSource, Disposable, Hover, MarkdownString, ThemeColor, languages,
    StatusBarAlignment: numbered('None', 'Left', 'Right'), ProgressLocation: { SourceControl: 1, Window: 10, Notification: 15 },
    DiagnosticSeverity: numbered('Error', 'Warning', 'Information', 'Hint'), LogLevel: numbered('Off', 'Trace', 'Debug', 'Info', 'Warning', 'Error'),
    TextDocumentChangeReason: { Undo: 1, Redo: 2 }, TextDocumentSaveReason: { Manual: 1, AfterDelay: 2, FocusOut: 3 },
    InlineCompletionTriggerKind: numbered('Invoke', 'Automatic'), UIKind: { Desktop: 1, Web: 2 },
    SymbolKind: numbered('File', 'Module', 'Namespace', 'Package', 'Class', 'Method', 'Property', 'Field', 'Constructor', 'Enum', 'Interface', 'Function', 'Variable',
      'Constant', 'String', 'Number', 'Boolean', 'Array', 'Object', 'Key', 'Null', 'EnumMember', 'Struct', 'Event', 'Operator', 'TypeParameter'),
    env: { language: 'en', appName: 'harness', appHost: 'desktop', remoteName: undefined, uiKind: 1 },
    commands: {
      registerCommand(name, callback) {
        if (record.commands.has(name)) throw new Error(`command '${name}' already exists`);
        record.commands.set(name, callback);
        return { dispose: () => record.commands.delete(name) };
      },
      executeCommand: async (name, ...given) => record.commands.get(name)?.(...given),
    },
    window: open('window', {
      createOutputChannel: () => channel,
      createStatusBarItem: () => { const item = { show() { record.status.push(item.text); }, hide() {}, dispose() {} }; return item; },
      showErrorMessage: say('error'), showWarningMessage: say('warning'), showInformationMessage: say('information'),
      showInputBox: async () => settings.input, withProgress: (_options, task) => task({ report() {} }, new CancellationTokenSource().token),
      activeTextEditor: undefined, visibleTextEditors: [], tabGroups: { all: [], onDidChangeTabs: new EventEmitter().event, onDidChangeTabGroups: new EventEmitter().event },
    }),
    workspace: open('workspace', {
      workspaceFolders: [workspaceFolder], name: 'harness', isTrusted: true, textDocuments: documents, notebookDocuments: [],
      getWorkspaceFolder: () => workspaceFolder, getConfiguration: configuration, saveAll: async () => true,
      onDidOpenTextDocument: events.open.event, onDidChangeTextDocument: events.change.event, onDidCloseTextDocument: events.close.event,
      onDidChangeConfiguration: events.configuration.event, createFileSystemWatcher: () => ({
        onDidCreate: new EventEmitter().event, onDidChange: new EventEmitter().event, onDidDelete: new EventEmitter().event, dispose() {},
      }),
      fs: { isWritableFileSystem: () => true },
    }),
    extensions: { all: [], getExtension: (id) => (extensions.includes(id) ? { id } : undefined), onDidChange: new EventEmitter().event },
  });
  const openDocument = (file, languageId) => {
    const text = fs.readFileSync(file, 'utf8');
    const document = {
      uri: Uri.file(file), fileName: file, languageId, version: 1, isDirty: false, isClosed: false, isUntitled: false, eol: 1, encoding: 'utf8',
      lineCount: text.split('\n').length, getText: () => text, save: async () => true,
    };
    documents.push(document);
    events.open.fire(document);
    return document;
  };
  return { module, record, openDocument, events };
}

module.exports = { makeVscode };
