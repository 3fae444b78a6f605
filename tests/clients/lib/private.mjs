// lib/private.mjs - schemas of what engramd speaks beyond LSP, as docs/lsp-extensions.md describes it.
// tests/layers/check_extensions.py holds names and page together; this file holds shapes.
import { require } from './schema.mjs';

const uri = { type: 'string', pattern: '^[a-zA-Z][a-zA-Z0-9+.-]*:' };
const text = { type: 'string' };
const line = { type: 'integer', minimum: 0 };
const object = (properties, optional = []) => ({
  type: 'object', properties, additionalProperties: false, required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

// method -> who sends it, what it is, its params
export const privateMethods = {
  'engramd/siblings': {
    direction: 'clientToServer', kind: 'notification',
    params: object({ uri, servers: { type: 'array', items: object({ name: text, methods: { type: 'array', items: text } }, ['methods']) } }),
  },
};

// command of workspace/executeCommand -> its one argument (none: it takes none) and its result
export const commands = {
  'engramd.fix': {
    argument: object({ repo: text, test: text, task: text, apply: { enum: [true, false, 'true', 'false', 'review'] } }, ['repo', 'test', 'task', 'apply']),
    result: { type: 'object', required: ['fixed', 'patch', 'report'], properties: {
      fixed: { type: 'boolean' }, patch: text, report: { type: 'object' }, applied: { type: 'boolean' }, failureReason: text,
      proposals: { type: 'array', items: object({ path: text, uri, proposedUri: uri }) },
    } },
  },
  'engramd.explain': { argument: object({ uri, line, character: line }), result: object({ text, uri, shown: { type: 'boolean' } }) },
  'engramd.rewrite': { argument: object({ uri, line, character: line, what: { enum: ['implement', 'document'] }, apply: {} }, ['apply']), result: {} },
  'engramd.status': { result: { type: 'object', required: ['version', 'pid'] } },
  'engramd.reindex': { result: { type: 'null' } },
};

const Ajv = require('ajv').default;
const ajv = new Ajv({ strict: false, allowUnionTypes: true });
const compiled = new Map();

// What is wrong with a value; [] when nothing is.
export function flaws(schema, value) {
  if (!compiled.has(schema)) compiled.set(schema, ajv.compile(schema));
  const validate = compiled.get(schema);
  return validate(value) ? [] : validate.errors.map((error) => `${error.instancePath || '/'} ${error.message}`);
}
