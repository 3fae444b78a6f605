// lib/metamodel.mjs - the same question asked of the protocol's own machine-readable model, as a cross-check of lib/schema.mjs.
//
// The model file is not part of this repository; ENGRAMD_LSP_METAMODEL names one (version 3.18).
import { require } from './schema.mjs';

const BASE_TYPES = {
  URI: { type: 'string' }, DocumentUri: { type: 'string' }, RegExp: { type: 'string' }, string: { type: 'string' }, boolean: { type: 'boolean' },
  integer: { type: 'integer' }, uinteger: { type: 'integer', minimum: 0 }, decimal: { type: 'number' }, null: { type: 'null' },
};
const OPEN_TYPES = { LSPAny: {}, LSPObject: { type: 'object' }, LSPArray: { type: 'array' } };

function toSchema(type) {
  switch (type.kind) {
    case 'base': return BASE_TYPES[type.name];
    case 'reference': return { $ref: `#/definitions/${type.name}` };
    case 'array': return { type: 'array', items: toSchema(type.element) };
    case 'map': return { type: 'object', additionalProperties: toSchema(type.value) };
    case 'or': return { anyOf: type.items.map(toSchema) };
    case 'and': return { allOf: type.items.map(toSchema) };
    case 'tuple': return { type: 'array', items: type.items.map(toSchema), minItems: type.items.length, maxItems: type.items.length };
    case 'literal': return objectSchema(type.value.properties);
    case 'stringLiteral': case 'integerLiteral': case 'booleanLiteral': return { const: type.value };
    default: throw new Error(`the model has a type of kind ${type.kind}`);
  }
}

const objectSchema = (properties) => ({
  type: 'object',
  properties: Object.fromEntries(properties.map((property) => [property.name, toSchema(property.type)])),
  required: properties.filter((property) => !property.optional).map((property) => property.name),
  additionalProperties: false,
});

function flatten(structures, name) {
  const structure = structures.get(name);
  const properties = new Map();
  for (const parent of [...(structure.extends ?? []), ...(structure.mixins ?? [])]) flatten(structures, parent.name).forEach((property) => properties.set(property.name, property));
  structure.properties.forEach((property) => properties.set(property.name, property));
  return [...properties.values()];
}

// Returns { missing: [difference], check(message, wholeSession) -> [problem] }.
export function compareWithModel(model, schemas) {
  const structures = new Map(model.structures.map((structure) => [structure.name, structure]));
  const definitions = {};
  for (const name of structures.keys()) definitions[name] = objectSchema(flatten(structures, name));
  for (const { name, values, supportsCustomValues, type } of model.enumerations) {
    definitions[name] = supportsCustomValues ? BASE_TYPES[type.name] : { enum: values.map(({ value }) => value) };
  }
  for (const { name, type } of model.typeAliases) definitions[name] = OPEN_TYPES[name] ?? toSchema(type);
  const missing = [];
  const methods = [...model.requests.map((entry) => ({ ...entry, kind: 'request' })), ...model.notifications.map((entry) => ({ ...entry, kind: 'notification' }))];
  if (!model.metaData.version.startsWith('3.18.')) missing.push(`the model is version ${model.metaData.version}, expected 3.18`);
  for (const entry of methods) {
    const ours = schemas.methods.get(entry.method);
    if (!ours) missing.push(`${entry.method}: not in the types`);
    else if (ours.kind !== entry.kind) missing.push(`${entry.method}: a ${ours.kind} in the types, a ${entry.kind} in the model`);
    else if (ours.direction !== entry.messageDirection) missing.push(`${entry.method}: ${ours.direction} in the types, ${entry.messageDirection} in the model`);
    else if ((ours.serverCapability ?? '') !== (entry.serverCapability ?? '')) missing.push(`${entry.method}: server capability ${ours.serverCapability} in the types, ${entry.serverCapability} in the model`);
    else if ((ours.clientCapability ?? '') !== (entry.clientCapability ?? '')) missing.push(`${entry.method}: client capability ${ours.clientCapability} in the types, ${entry.clientCapability} in the model`);
    if (entry.params && !Array.isArray(entry.params)) definitions[`${entry.method} params`] = toSchema(entry.params);
    if (entry.result) definitions[`${entry.method} result`] = toSchema(entry.result);
  }
  for (const method of schemas.methods.keys()) {
    if (!methods.some((entry) => entry.method === method)) missing.push(`${method}: not in the model`);
  }
  const Ajv = require('ajv').default;
  const ajv = new Ajv({ strict: false, allowUnionTypes: true });
  ajv.addSchema({ $id: 'model', definitions });
  const problems = (name, value) => {
    if (!definitions[name] || value === undefined) return [];
    const pointer = name.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('$', '%24').replaceAll(' ', '%20');
    const validate = ajv.getSchema(`model#/definitions/${pointer}`);
    return validate(value) ? [] : validate.errors.map((error) => `model: ${name}${error.instancePath}: ${error.message}`);
  };
  return {
    missing,
    check(message, session) {
      if (message.method) return problems(`${message.method} params`, message.params);
      const question = session.find((entry) => entry.message.method && entry.message.id === message.id);
      return question && 'result' in message ? problems(`${question.message.method} result`, message.result) : [];
    },
  };
}
