// npm's `openai` client against `engramd serve` over a model of random weights (an oracle's fixture): what it says means
// nothing, but its form is the one real models' answers have, and with grammars a call of it cannot be malformed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { require } from './lib/schema.mjs';

const { OpenAI } = require('openai');
const key = 'sk-of-this-test';
const fixture = join(process.env.ENGRAMD_SOURCE, 'tests/oracles/fixtures/qwen3moe/model.gguf');
let server, client, base, folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'engramd-serve-'));
  const env = { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: folder, XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder };
  server = spawn(process.env.ENGRAMD_BINARY,
    ['serve', '--model', fixture, '--name', 'tiny', '--port', '0', '--api-key', key, '--context', '16384'], { env, cwd: folder });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (piece) => (said += piece));
  await new Promise((resolve, reject) => {
    server.on('exit', (code) => reject(new Error(`engramd serve ended with ${code}: ${said}`)));
    server.stdout.on('data', () => said.includes('ready') && resolve());
  });
  base = said.match(/http:\/\/127\.0\.0\.1:\d+/)[0];
  assert.ok(!said.includes(key), 'a key that was given is not printed');
  client = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0, timeout: 120_000 });
});

after(async () => {
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  assert.equal(await ended, 0, 'SIGTERM is a normal end');
  rmSync(folder, { recursive: true, force: true });
});

const say = (content, role = 'user') => ({ role, content });
const post = (path, body) => fetch(base + path, {
  method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
});

test('models', async () => {
  const models = (await client.models.list()).data;
  assert.deepEqual(models.map((model) => model.id), ['tiny']);
  assert.equal((await client.models.retrieve('tiny')).owned_by, 'engramd');
  await assert.rejects(client.models.retrieve('gpt-5'), (error) => error.status === 404 && error.code === 'model_not_found');
});

test('a chat, whole and streamed, and its second turn', async () => {
  const messages = [say('You are terse. '.repeat(20), 'system'), say('What is a monad?')];
  const settings = { model: 'tiny', temperature: 0, max_tokens: 24 };
  const whole = await client.chat.completions.create({ ...settings, messages });
  assert.equal(whole.choices[0].finish_reason, 'length');
  assert.equal(whole.usage.completion_tokens, 24);
  assert.equal(whole.usage.prompt_tokens_details.cached_tokens, 0);

  const stream = await client.chat.completions.create(
    { ...settings, messages, stream: true, stream_options: { include_usage: true } });
  let text = '', usage, reason;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(reason, 'length');
  assert.equal(usage.total_tokens, usage.prompt_tokens + 24);

  const second = await client.chat.completions.create(
    { ...settings, messages: [...messages, whole.choices[0].message, say('And a functor?')] });
  assert.ok(second.usage.prompt_tokens_details.cached_tokens >= whole.usage.prompt_tokens, JSON.stringify(second.usage));
});

test('a stream that is aborted leaves nothing running', async () => {
  const stream = await client.chat.completions.create({
    // Nothing shorter is allowed.
    response_format: { type: 'json_schema', json_schema: { name: 'long', schema: { type: 'string', minLength: 100_000 } } },
    model: 'tiny', temperature: 1, messages: [say('Count.')], stream: true,
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  stream.controller.abort();
  for (let i = 0; ; ++i) {
    const metrics = await (await fetch(`${base}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text();
    if (/engramd_generations_running 0\n/.test(metrics)) {
      assert.match(metrics, /engramd_generations_total\{end="cancelled"\} 1\n/);
      break;
    }
    assert.ok(i < 200, 'the generation goes on');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

const tools = [{ type: 'function', function: {
  name: 'read_lines', description: 'Reads lines of a file.',
  parameters: {
    type: 'object', additionalProperties: false, required: ['path', 'first'],
    properties: { path: { enum: ['main.c', 'heap.c'] }, first: { type: 'integer', minimum: 1, maximum: 9999 } },
  },
} }];

test('a tool loop: a call, its result, an answer', async () => {
  const messages = [say('Where does main begin?')];
  const asked = { model: 'tiny', tools, temperature: 1, seed: 5, max_tokens: 400 };
  const first = await client.chat.completions.create({ ...asked, messages, tool_choice: 'required', parallel_tool_calls: false });
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  const [call] = first.choices[0].message.tool_calls;
  assert.equal(call.function.name, 'read_lines');
  const { path, first: line } = JSON.parse(call.function.arguments);
  assert.ok(['main.c', 'heap.c'].includes(path) && line >= 1 && line <= 9999, call.function.arguments);

  messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'int main(void) {' });
  const answer = await client.chat.completions.create({ ...asked, messages, max_tokens: 16 });
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.ok(answer.usage.prompt_tokens_details.cached_tokens > first.usage.prompt_tokens / 2, JSON.stringify(answer.usage));

  // The same, streamed: deltas with an index and an id that come to one call.
  const stream = await client.chat.completions.create({
    ...asked, messages: [messages[0]], stream: true,
    tool_choice: { type: 'function', function: { name: 'read_lines' } },
  });
  const told = { name: '', arguments: '' };
  let reason;
  for await (const chunk of stream) {
    for (const delta of chunk.choices[0]?.delta.tool_calls ?? []) {
      assert.equal(delta.index, 0);
      if (delta.id) told.id = delta.id;
      told.name += delta.function?.name ?? '';
      told.arguments += delta.function?.arguments ?? '';
    }
    reason = chunk.choices[0]?.finish_reason ?? reason;
  }
  assert.equal(reason, 'tool_calls');
  assert.match(told.id, /^call_/);
  assert.equal(told.name, 'read_lines');
  assert.ok(JSON.parse(told.arguments).first >= 1);
});

test('the client runs tools by itself', async () => {
  const runner = client.chat.completions.runTools({
    model: 'tiny', temperature: 1, seed: 9, max_tokens: 400, messages: [say('Look.')], parallel_tool_calls: false,
    tool_choice: { type: 'function', function: { name: 'read_lines' } },
    tools: [{ ...tools[0], function: { ...tools[0].function, parse: JSON.parse, function: () => 'int main(void) {' } }],
  });
  const calls = [];
  runner.on('functionToolCall', (call) => calls.push(call));
  await runner.done();
  assert.equal(calls[0].name, 'read_lines');
});

test('an answer that a schema describes', async () => {
  const schema = {
    type: 'object', additionalProperties: false, required: ['verdict', 'lines'],
    properties: {
      verdict: { enum: ['correct', 'wrong'] },
      lines: { type: 'array', maxItems: 3, items: { type: 'integer', minimum: 1, maximum: 999 } },
    },
  };
  for (let seed = 1; seed <= 4; ++seed) {
    const answer = await client.chat.completions.create({
      model: 'tiny', messages: [say('Review.')], temperature: 1, seed, max_tokens: 300,
      response_format: { type: 'json_schema', json_schema: { name: 'review', schema, strict: true } },
    });
    assert.equal(answer.choices[0].finish_reason, 'stop');
    const review = JSON.parse(answer.choices[0].message.content);
    assert.ok(['correct', 'wrong'].includes(review.verdict));
    assert.ok(review.lines.length <= 3 && review.lines.every((line) => Number.isInteger(line) && line >= 1 && line <= 999));
  }
});

test('errors are the ones that the client knows', async () => {
  const messages = [say('a')];
  const create = (more) => client.chat.completions.create({ model: 'tiny', messages, max_tokens: 1, ...more });
  await assert.rejects(create({ model: 'gpt-5' }), OpenAI.NotFoundError);
  await assert.rejects(create({ temperature: 9 }), (error) => error instanceof OpenAI.BadRequestError && error.param === 'temperature');
  await assert.rejects(create({ messages: [say('x'.repeat(40_000))] }), (error) => error.code === 'context_length_exceeded');
  const stranger = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.embeddings.create({ model: 'tiny', input: 'a' }), (error) => error.status === 501);
});

test('completions, also into a gap', async () => {
  const settings = { model: 'tiny', temperature: 0, max_tokens: 12 };
  const whole = await client.completions.create({ ...settings, prompt: 'int main(' });
  const stream = await client.completions.create({ ...settings, prompt: 'int main(', stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  assert.equal(text, whole.choices[0].text);
});

test('infill', async () => {
  const answer = await post('/infill', {
    input_prefix: 'int add(int a, int b) {\n  return ', input_suffix: ';\n}\n', prompt: '', n_predict: 8, temperature: 0,
    input_extra: [{ filename: 'sub.h', text: 'int sub(int a, int b);\n' }],
  });
  assert.equal(answer.status, 200);
  const body = await answer.json();
  assert.equal(typeof body.content, 'string');
  assert.equal(body.truncated, false);
});
