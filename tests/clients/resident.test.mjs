// The tools strategy driven by a model file, end to end: `engramd fix --model FILE.gguf`. The shipped base model and a mixture of
// random weights know nothing of tools; what is tested is that every reply is a call that the tools take, and that it ends.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { privateHome, randomModel, run } from './lib/served.mjs';

const source = process.env.ENGRAMD_SOURCE;
const shipped = join(source, 'models/engramd-small.gguf');
let home, folder, n = 0;

before(() => {
  home = privateHome();
  folder = mkdtempSync(join(tmpdir(), 'engramd-resident-'));
  cpSync(join(source, 'tests/fixtures/agent/loop/project'), join(folder, 'project'), { recursive: true });
});
after(() => [home.folder, folder].forEach((path) => rmSync(path, { recursive: true, force: true })));

const arguments_of = (model, more) => ['fix', '--repo', join(folder, 'project'), '--test', '/usr/bin/python3 -m pytest -q',
  '--issue', 'Adding an article to the basket twice counts it once.', '--model', model, ...more];

// A run of a few steps; the report, and the calls as the trajectory has them.
async function tools(model, more = [], steps = 4) {
  const trajectory = join(folder, `run${n++}.json`);
  const result = await run(arguments_of(model, ['--strategy', 'tools', '--max-steps', String(steps), '--max-completion-tokens', '128',
    '--trajectory', trajectory, '--json', ...more]), home.env);
  assert.ok([0, 1].includes(result.code), result.stdout + result.stderr);
  const report = JSON.parse(result.stdout);
  const { messages } = JSON.parse((await run(['trajectory', trajectory, '--json'], home.env)).stdout);
  const turns = messages.filter((message) => message.role === 'assistant');
  return { report, messages, turns, calls: turns.flatMap((turn) => turn.tool_calls ?? []) };
}

function check({ report, messages, turns, calls }) {
  assert.ok(['budget', 'unresolved', 'resolved', 'unverified'].includes(report.state), report.state);
  assert.ok(turns.length >= 1 && turns.length <= 4);
  for (const turn of turns) assert.ok(turn.tool_calls?.length >= 1, JSON.stringify(turn));
  for (const call of calls) {
    assert.equal(typeof JSON.parse(call.function.arguments), 'object');
    const answer = messages.find((message) => message.role === 'tool' && message.tool_call_id === call.id);
    // What the tool says to a call that it cannot read.
    assert.doesNotMatch(answer?.content ?? '', /not a JSON object|is missing|must be a whole number|there is no tool/);
  }
  assert.ok(report.usage.prompt_tokens > 0 && report.usage.completion_tokens > 0);
}

test('the shipped model drives the loop: well formed and bounded', async () => check(await tools(shipped)));

test('so does a mixture of random weights, the same way for the same seed', async () => {
  const first = await tools(randomModel, ['--seed', '5', '--temperature', '1', '--skip-tests-before']);
  check(first);
  assert.ok(first.turns.length < 2 || first.report.usage.prompt_tokens_details.cached_tokens > 0, 'the session is kept');
  const again = await tools(randomModel, ['--seed', '5', '--temperature', '1', '--skip-tests-before'], 2);
  assert.deepEqual(again.turns, first.turns.slice(0, again.turns.length));
});

test('a base model repairs unless it is told otherwise, and says why', async () => {
  const result = await run(arguments_of(shipped, ['--seconds', '3']), home.env);
  assert.match(result.stderr, /strategy repair: engramd-small\.gguf has no chat template/);
});

// The file with a chat template put before its other keys, padded so that the tensors stay aligned.
function instruct(model, template) {
  const file = readFileSync(model);
  const u64 = (value) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes; };
  const key = Buffer.from('tokenizer.chat_template'), fixed = 8 + key.length + 4 + 8;
  const text = Buffer.from(template + ' '.repeat((32 - (fixed + template.length) % 32) % 32));
  const header = Buffer.from(file.subarray(0, 24));
  header.writeBigUInt64LE(header.readBigUInt64LE(16) + 1n, 16);
  return Buffer.concat([header, u64(key.length), key, Buffer.from([8, 0, 0, 0]), u64(text.length), text, file.subarray(24)]);
}

test('an instruct file is found, said to call tools, and drives the loop by itself', async () => {
  const name = 'tiny-instruct.gguf';
  const cached = join(home.env.XDG_CACHE_HOME, 'llama.cpp', name);
  mkdirSync(dirname(cached), { recursive: true });
  writeFileSync(cached, instruct(randomModel, '<|im_start|> <tool_call> <think>'));
  const ollama = join(home.env.HOME, '.ollama/models');
  mkdirSync(join(ollama, 'blobs'), { recursive: true });
  mkdirSync(join(ollama, 'manifests/registry.ollama.ai/library/tiny'), { recursive: true });
  symlinkSync(join(source, 'tests/oracles/fixtures/qwen2/model.gguf'), join(ollama, 'blobs/sha256-abc'));
  writeFileSync(join(ollama, 'manifests/registry.ollama.ai/library/tiny/latest'),
    JSON.stringify({ layers: [{ mediaType: 'application/vnd.ollama.image.license', digest: 'sha256:x' }, { mediaType: 'application/vnd.ollama.image.model', digest: 'sha256:abc' }] }));
  writeFileSync(join(ollama, 'manifests/registry.ollama.ai/library/tiny/broken'), 'no JSON');
  const list = JSON.parse((await run(['model', 'list', '--json'], home.env)).stdout);
  assert.deepEqual(list.map(({ name, owner, chats, calls_tools }) => [name, owner, chats, calls_tools]), [
    ['engramd-small', 'shipped', false, false], ['tiny:latest', 'Ollama', false, false], ['tiny-instruct', 'llama.cpp', true, true]]);

  const result = await run(arguments_of(cached, ['--max-steps', '2', '--max-completion-tokens', '64', '--context', '20000', '--trajectory', join(folder, 'auto.json')]), home.env);
  assert.equal(result.code, 1, result.stdout + result.stderr);
  assert.match(result.stderr, /strategy tools: tiny-instruct\.gguf chats as qwen3/);
});

test('a context that holds nothing is one clear line', async () => {
  const result = await run(arguments_of(shipped, ['--strategy', 'tools', '--context', '64', '--trajectory', join(folder, 'none.json')]), home.env);
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /the model's context has 64/);
});

test('an interrupt ends a long reply at once', async () => {
  const child = spawn(process.env.ENGRAMD_BINARY, arguments_of(randomModel, ['--strategy', 'tools', '--max-completion-tokens', '60000',
    '--context', '200000', '--temperature', '1', '--trajectory', join(folder, 'long.json')]), { env: home.env });
  let said = '';
  child.stderr.on('data', (piece) => (said += piece));
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const asked = Date.now();
  child.kill('SIGINT');
  const { code, signal } = await ended;
  assert.ok(Date.now() - asked < 3000, `${Date.now() - asked} ms: ${said}`);
  assert.equal(signal, null, `it ended by itself, with ${code}`);
});
