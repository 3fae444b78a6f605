// lib/scripted_server.mjs - a server that answers textDocument/inlineCompletion as the project's script.json says: the way to show
// an editor plugin every shape of answer (ranges, several lines, string values, slow answers) without a model.
//
// script.json: [{ "after": TEXT, "items": [...] | { "items": [...] } | null, "delay_ms": N }]; the first entry whose `after` is what
// stands before the cursor answers. "$range:N" as an item's range means the N characters before the cursor, utf-16.
// Every request it saw and how it ended goes to the file requests.jsonl beside the script.
import fs from 'node:fs';
import path from 'node:path';
import { FrameReader, frame } from './framing.mjs';
import { TextMirror } from './text.mjs';

const folder = process.argv[2];
const script = JSON.parse(fs.readFileSync(path.join(folder, 'script.json'), 'utf8'));
const journal = path.join(folder, 'requests.jsonl');
const documents = new Map(), running = new Map();
const send = (message) => process.stdout.write(frame({ jsonrpc: '2.0', ...message }));
const note = (entry) => fs.appendFileSync(journal, `${JSON.stringify(entry)}\n`);

function inlineCompletion({ id, params }) {
  const document = documents.get(params.textDocument.uri);
  const before = document.text.slice(0, document.offsetOf(params.position));
  const entry = script.find(({ after }) => before.endsWith(after));
  const { line, character } = params.position;
  const resolved = JSON.parse(JSON.stringify(entry?.items ?? null), (key, value) => {
    const width = key === 'range' && /^\$range:(\d+)$/.exec(value)?.[1];
    return width ? { start: { line, character: character - Number(width) }, end: { line, character } } : value;
  });
  const timer = setTimeout(() => {
    running.delete(id);
    note({ id, answered: before.slice(-20) });
    send({ id, result: resolved });
  }, entry?.delay_ms ?? 0);
  running.set(id, timer);
}

const reader = new FrameReader((message) => {
  const { id, method, params } = message;
  if (method === 'initialize') {
    send({ id, result: { serverInfo: { name: 'scripted' }, capabilities: { textDocumentSync: { openClose: true, change: 2 }, inlineCompletionProvider: true } } });
  } else if (method === 'textDocument/didOpen') {
    documents.set(params.textDocument.uri, new TextMirror(params.textDocument.text, params.textDocument.version, 'utf-16'));
  } else if (method === 'textDocument/didChange') {
    params.contentChanges.forEach((change) => documents.get(params.textDocument.uri).change(change));
  } else if (method === 'textDocument/inlineCompletion') {
    note({ id, trigger: params.context.triggerKind });
    inlineCompletion(message);
  } else if (method === '$/cancelRequest') {
    if (!running.has(params.id)) return;
    clearTimeout(running.get(params.id));
    running.delete(params.id);
    note({ id: params.id, cancelled: true });
    send({ id: params.id, error: { code: -32800, message: 'cancelled' } });
  } else if (method === 'shutdown') {
    send({ id, result: null });
  } else if (method === 'exit') {
    process.exit(0);
  } else if (id !== undefined && method) {
    send({ id, error: { code: -32601, message: `no ${method} here` } });
  }
}, (problem) => note({ problem }));
process.stdin.on('data', (chunk) => reader.push(chunk));
process.stdin.on('end', () => process.exit(1));
