// lib/judge_logs.mjs FOLDER - judges what tests wrote down: each *.jsonl file in the folder is one connection, one
// object a line, in the order in which a client saw them:
//   { from: 'client' | 'server', message, broken?: true }   broken: the client breaks the rules on purpose here
//   { from, large: bytes, message: { id?, method? } }        too large to be kept: only its id and method count
//   { exit: status, broken?: true }                          the process ended; without it the test dropped the connection
// Prints one line per violation; exit status 1 when there is one, or when there was nothing to judge.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSchemas } from './schema.mjs';
import { SessionValidator } from './validator.mjs';

const MAX_PRINTED = 100;

// One connection's lines; returns { problems, counts }.
export function judgeLines(schemas, lines, options = {}) {
  const judge = new SessionValidator(schemas, options);
  let exit, rude;
  for (const line of lines) {
    const entry = JSON.parse(line);
    if ('exit' in entry) [exit, rude] = [entry.exit, entry.broken];
    else if (entry.large) judge.large(entry.from, entry.message);
    else if (entry.message !== undefined) judge.message(entry.from, entry.message, { broken: entry.broken === true });
  }
  if (exit !== undefined) judge.exit({ code: exit });
  // A test that is content with what it has seen drops the connection; what was open then is nobody's fault.
  if (exit !== undefined) judge.finish();
  return { problems: judge.problems.filter((text) => !(rude && text.startsWith('client:'))), counts: judge.counts };
}

export function judgeFolder(folder) {
  const schemas = loadSchemas();
  const total = { files: 0, client: 0, server: 0, problems: [] };
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.jsonl')).sort()) {
    const lines = fs.readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean);
    const { problems, counts } = judgeLines(schemas, lines);
    total.files += 1;
    total.client += counts.client;
    total.server += counts.server;
    total.problems.push(...problems.map((problem) => `${name}: ${problem}`));
  }
  return total;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  const { files, client, server, problems } = judgeFolder(folder);
  for (const problem of problems.slice(0, MAX_PRINTED)) console.log(problem);
  console.log(`${client} messages of clients and ${server} of servers in ${files} connections: ${problems.length} violations`);
  process.exit(problems.length === 0 && client > 0 && server > 0 ? 0 : 1);
}
