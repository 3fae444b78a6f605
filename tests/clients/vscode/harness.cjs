// vscode/harness.cjs - runs the bundled extension against the server under test and prints what happened as JSON.
// Task (JSON) in ENGRAMD_HARNESS_TASK: { bundle, folder, file, languageId, positions: [[line, character]...], settings }.
'use strict';
const Module = require('node:module');
const { makeVscode } = require('./vscode_module.cjs');

const task = JSON.parse(process.env.ENGRAMD_HARNESS_TASK);
const host = makeVscode(task);
const load = Module._load;
Module._load = function (request, ...rest) { return request === 'vscode' ? host.module : load.call(this, request, ...rest); };

const plain = (value) => JSON.parse(JSON.stringify(value ?? null, (key, inner) => (inner && typeof inner.href === 'string' ? inner.href : inner)));

async function main() {
  const extension = require(task.bundle);
  const context = { subscriptions: [], extensionPath: task.extension ?? '/nowhere', globalState: { get() {}, update() {} }, workspaceState: { get: (_key, fallback) => fallback, update: async () => {} } };
  await extension.activate(context);
  const seen = { commands: [...host.record.commands.keys()].sort() };
  if (task.file && host.record.messages.length === 0) {
    const document = host.openDocument(task.file, task.languageId);
    const token = new host.module.CancellationTokenSource().token;
    const provider = (method) => host.record.providers.map(({ given }) => given.find((item) => item && typeof item[method] === 'function')).find(Boolean);
    const position = new host.module.Position(...task.position);
    const deadline = Date.now() + task.timeout_ms;
    // The index may still be on its way.
    do {
      seen.definition = plain(await provider('provideDefinition')?.provideDefinition(document, position, token));
      if (seen.definition && [seen.definition].flat().length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } while (Date.now() < deadline);
    seen.hover = plain(await provider('provideHover')?.provideHover(document, position, token));
    if (provider('provideInlineCompletionItems')) {
      seen.inline = plain(await provider('provideInlineCompletionItems').provideInlineCompletionItems(document, position, { triggerKind: 0 }, token));
    }
    seen.providers = [...new Set(host.record.providers.map(({ name }) => name))].sort();
    await host.record.commands.get('engramd.restart')();
    await host.record.commands.get('engramd.showStatus')();
  }
  await extension.deactivate();
  Object.assign(seen, { messages: host.record.messages, output: host.record.output.slice(-50), status: host.record.status, left: [...host.record.commands.keys()].length });
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n${JSON.stringify(host.record.output.slice(-20))}\n`);
  process.exit(1);
});
