// lib/schema.mjs - JSON schemas of every LSP 3.18 message, generated from the TypeScript types of
// npm's vscode-languageserver-protocol.
//
// The runtime module says which methods exist, who sends them and which capability guards them; its
// .d.ts says the types. A synthetic source names one alias per method and part
// (params, result, partial result), and ts-json-schema-generator turns them into one draft-07 schema.
//
// The generator knows only `number`, so the aliases uinteger, integer and decimal are replaced by what LSP
// means; the same for URIs and for the open types (LSPAny, LSPObject).
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

// All packages are resolved from the install folder (see ../run), never from the source tree.
export const installFolder = path.resolve(process.env.ENGRAMD_CLIENT_TOOLS ?? '.');
export const require = createRequire(path.join(installFolder, 'package.json'));

const protocolFolder = path.dirname(require.resolve('vscode-languageserver-protocol'));
export const protocolVersion = require(path.join(protocolFolder, '../../package.json')).version;

const MAX_UINTEGER = 2 ** 31 - 1;
const REPLACED_DEFINITIONS = {
  uinteger: { type: 'integer', minimum: 0, maximum: MAX_UINTEGER },
  integer: { type: 'integer', minimum: -(2 ** 31), maximum: MAX_UINTEGER },
  decimal: { type: 'number' },
  DocumentUri: { type: 'string', pattern: '^[a-zA-Z][a-zA-Z0-9+.-]*:' },
  URI: { type: 'string', pattern: '^[a-zA-Z][a-zA-Z0-9+.-]*:' },
  ProgressToken: { type: ['integer', 'string'] },
  LSPAny: {},
  LSPObject: { type: 'object' },
  LSPArray: { type: 'array' },
};

// Named in a type argument but not exported by the package: written here by what the package exports.
const UNEXPORTED_TYPES = { DocumentDiagnosticReportProgress: 'DocumentDiagnosticReport | DocumentDiagnosticReportPartialResult' };

// Methods the typed list does not carry: they belong to the base protocol.
const BASE_PROTOCOL = [
  {
    method: '$/cancelRequest', direction: 'both', kind: 'notification',
    params: { type: 'object', required: ['id'], additionalProperties: false, properties: { id: { type: ['integer', 'string'] } } },
  },
  {
    method: '$/progress', direction: 'both', kind: 'notification',
    params: {
      type: 'object', required: ['token', 'value'], additionalProperties: false,
      properties: { token: { type: ['integer', 'string'] }, value: {} },
    },
  },
  {
    method: '$/setTrace', direction: 'clientToServer', kind: 'notification',
    params: { type: 'object', required: ['value'], additionalProperties: false, properties: { value: { enum: ['off', 'messages', 'verbose'] } } },
  },
  {
    method: '$/logTrace', direction: 'serverToClient', kind: 'notification',
    params: {
      type: 'object', required: ['message'], additionalProperties: false,
      properties: { message: { type: 'string' }, verbose: { type: 'string' } },
    },
  },
];

// Reads `namespace X { const type: ProtocolRequestType<A, B, ...> }` from the .d.ts files.
function readTypeArguments() {
  const ts = require('typescript');
  const found = new Map();
  for (const name of fs.readdirSync(protocolFolder)) {
    if (!/^protocol.*\.d\.ts$/.test(name)) continue;
    const source = ts.createSourceFile(name, fs.readFileSync(path.join(protocolFolder, name), 'utf8'), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      if (!ts.isModuleDeclaration(statement) || !statement.body || !ts.isModuleBlock(statement.body)) continue;
      for (const inner of statement.body.statements) {
        if (!ts.isVariableStatement(inner)) continue;
        const declaration = inner.declarationList.declarations[0];
        if (declaration.name.getText() !== 'type' || !declaration.type || !ts.isTypeReferenceNode(declaration.type)) continue;
        const names = new Set();
        const visit = (node) => {
          if (ts.isTypeReferenceNode(node) && ts.isIdentifier(node.typeName)) names.add(node.typeName.text);
          ts.forEachChild(node, visit);
        };
        const types = declaration.type.typeArguments ?? [];
        types.forEach(visit);
        found.set(statement.name.text, {
          carrier: declaration.type.typeName.getText(), types: types.map((node) => node.getText()), names: [...names],
        });
      }
    }
  }
  return found;
}

function listMethods() {
  const protocol = require('vscode-languageserver-protocol');
  const typeArguments = readTypeArguments();
  const methods = [];
  for (const [name, value] of Object.entries(protocol)) {
    if (!value || typeof value !== 'object' || typeof value.method !== 'string' || !value.type) continue;
    const declared = typeArguments.get(name);
    if (!declared) continue;
    const [first, second, third] = declared.types;
    const entry = { name, method: value.method, direction: value.messageDirection, names: declared.names };
    if (value.capabilities) {
      entry.clientCapability = value.capabilities.client;
      entry.serverCapability = value.capabilities.server;
    }
    if (declared.carrier === 'ProtocolRequestType') Object.assign(entry, { kind: 'request', params: first, result: second, partial: third });
    else if (declared.carrier === 'ProtocolRequestType0') Object.assign(entry, { kind: 'request', result: first, partial: second });
    else if (declared.carrier === 'ProtocolNotificationType') Object.assign(entry, { kind: 'notification', params: first });
    else if (declared.carrier === 'ProtocolNotificationType0') Object.assign(entry, { kind: 'notification' });
    else continue;
    methods.push(entry);
  }
  return methods;
}

// `void` is `null` on the wire; a part the message does not have gets no schema.
const isAbsent = (type) => type === undefined || type === 'never' || type === 'void';

// Paths of the places where any number would pass, other than LSP's own decimal.
function plainNumbers(node, at = '') {
  if (!node || typeof node !== 'object' || at === '/decimal') return [];
  const here = [node.type].flat().includes('number') && !node.enum && node.const === undefined ? [at] : [];
  return here.concat(...Object.entries(node).map(([key, inner]) => plainNumbers(inner, `${at}/${key}`)));
}

function generate() {
  const methods = listMethods();
  const imports = new Set();
  const aliases = [];
  methods.forEach((entry, index) => {
    entry.names.forEach((name) => imports.add(name));
    entry.refs = {};
    for (const part of ['params', 'result', 'partial']) {
      if (isAbsent(entry[part])) continue;
      entry.refs[part] = `M${index}_${part}`;
      aliases.push(`export type M${index}_${part} = ${entry[part]};`);
    }
  });
  for (const [name, type] of Object.entries(UNEXPORTED_TYPES)) {
    imports.delete(name);
    type.split(' | ').forEach((part) => imports.add(part));
    aliases.push(`type ${name} = ${type};`);
  }
  for (const name of ['WorkDoneProgressBegin', 'WorkDoneProgressReport', 'WorkDoneProgressEnd']) {
    imports.add(name);
    aliases.push(`export type Part_${name} = ${name};`);
  }
  const folder = path.join(installFolder, 'generated');
  fs.mkdirSync(folder, { recursive: true });
  const source = path.join(folder, 'messages.ts');
  fs.writeFileSync(source, `import type { ${[...imports].sort().join(', ')} } from 'vscode-languageserver-protocol';\n${aliases.join('\n')}\n`);
  const config = path.join(folder, 'tsconfig.json');
  fs.writeFileSync(config, JSON.stringify({
    compilerOptions: { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', strict: true, skipLibCheck: true, types: [] },
    files: ['messages.ts'],
  }));
  const { createGenerator } = require('ts-json-schema-generator');
  let schema;
  try {
    schema = createGenerator({
      path: source, tsconfig: config, type: '*', expose: 'export', topRef: true, additionalProperties: false, jsDoc: 'none', skipTypeCheck: false,
    }).createSchema('*');
  } catch (error) {
    // The error object drags a whole syntax tree along; its messages are enough.
    const details = error.diagnostic?.relatedInformation?.map(({ messageText }) => JSON.stringify(messageText)).join('; ');
    throw new Error(`no schema from the types of vscode-languageserver-protocol ${protocolVersion}: ${error.message} ${details ?? ''}`);
  }
  for (const [name, replacement] of Object.entries(REPLACED_DEFINITIONS)) {
    if (schema.definitions[name]) schema.definitions[name] = replacement;
  }
  // If a release stopped naming its integers, every position would silently be a plain number again.
  const nameless = plainNumbers(schema.definitions);
  if (nameless.length > 0) throw new Error(`the generated schema has nameless numbers: ${nameless.join(', ')}`);
  return {
    protocolVersion,
    definitions: schema.definitions,
    methods: methods.map(({ method, name, direction, kind, clientCapability, serverCapability, refs, result }) => ({
      method, name, direction, kind, clientCapability, serverCapability, refs, voidResult: kind === 'request' && isAbsent(result),
    })),
  };
}

// The generated schema, from the file of the last run when nothing it depends on has changed.
function loadGenerated() {
  const key = crypto.createHash('sha256')
    .update(fs.readFileSync(new URL(import.meta.url)))
    .update(fs.readFileSync(path.join(installFolder, 'package-lock.json')))
    .digest('hex');
  const cached = path.join(installFolder, 'generated', `schema-${key.slice(0, 16)}.json`);
  try {
    return JSON.parse(fs.readFileSync(cached, 'utf8'));
  } catch {
    const generated = generate();
    fs.writeFileSync(`${cached}.new`, JSON.stringify(generated));
    fs.renameSync(`${cached}.new`, cached);
    return generated;
  }
}

// Returns { protocolVersion, methods: Map<method, entry>, check(method, part, value) -> [problem], definitions }.
export function loadSchemas() {
  const generated = loadGenerated();
  const Ajv = require('ajv').default;
  const ajv = new Ajv({ strict: false, allErrors: false, allowUnionTypes: true });
  ajv.addSchema({ $id: 'lsp', definitions: generated.definitions });
  const methods = new Map(generated.methods.map((entry) => [entry.method, entry]));
  const compiled = new Map();
  for (const { params, ...entry } of BASE_PROTOCOL) {
    methods.set(entry.method, { ...entry, refs: { params: true }, clientCapability: undefined, serverCapability: undefined });
    compiled.set(`${entry.method} params`, ajv.compile(params));
  }
  const schemaOf = (key, definition) => {
    if (!compiled.has(key)) compiled.set(key, ajv.compile({ $ref: `lsp#/definitions/${definition}` }));
    return compiled.get(key);
  };
  const problemsOf = (validate, value) => validate(value) ? []
    : validate.errors.slice(0, 3).map((error) => `${error.instancePath || '/'} ${error.message}${error.params?.additionalProperty ? ` '${error.params.additionalProperty}'` : ''}`);

  return {
    protocolVersion: generated.protocolVersion,
    definitions: generated.definitions,
    methods,
    // part is 'params', 'result' or 'partial'.
    check(method, part, value) {
      const entry = methods.get(method);
      if (!entry) return [`unknown method ${method}`];
      if (!entry.refs[part]) {
        if (part === 'partial') return [`${method} has no partial results`];
        return value === undefined || value === null ? [] : [`${method} takes no ${part}`];
      }
      return problemsOf(compiled.get(`${method} ${part}`) ?? schemaOf(`${method} ${part}`, entry.refs[part]), value);
    },
    // name is a definition, for instance 'Position' or 'Part_WorkDoneProgressBegin'.
    checkType(name, value) { return problemsOf(schemaOf(`type ${name}`, name), value); },
  };
}
