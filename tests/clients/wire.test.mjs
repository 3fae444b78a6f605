// Agents that are not ours, against `engramd serve`: a client that works as mini-swe-agent 2 does (one tool, bash; a linear history;
// every command a process of its own; long output as head and tail; format errors told and counted), OpenAI's agents SDK and
// the AI SDK. The model is of random weights: with grammars its calls are well formed, what they say means nothing.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { require } from './lib/schema.mjs';
import { serve } from './lib/served.mjs';

const { OpenAI } = require('openai');
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
let served, client, folder;

before(async () => {
  served = await serve({ context: 65536 });
  client = new OpenAI({ baseURL: `${served.base}/v1`, apiKey: served.key, maxRetries: 0, timeout: 120_000 });
  folder = mkdtempSync(join(tmpdir(), 'engramd-wire-'));
  cpSync(join(process.env.ENGRAMD_SOURCE, 'tests/fixtures/agent/loop/project'), folder, { recursive: true });
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await served.stop();
});

const sentinel = 'COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT';
const bash = (command) => new Promise((resolve) => {
  execFile('/bin/bash', ['-c', command], { cwd: folder, timeout: 20_000, env: { PATH: '/usr/bin:/bin' } },
    (error, stdout, stderr) => resolve({ code: error ? error.code ?? 1 : 0, output: stdout + stderr }));
});
const observation = ({ code, output }) => output.length < 10_000
  ? `<returncode>${code}</returncode>\n<output>\n${output}</output>`
  : `<returncode>${code}</returncode>\n<output_head>\n${output.slice(0, 5000)}\n</output_head>\n<elided_chars>${output.length - 10_000}</elided_chars>\n<output_tail>\n${output.slice(-5000)}\n</output_tail>`;

// `command`: the schema of the one argument. `settings`: of every request.
async function miniAgent({ command = { type: 'string', description: 'The bash command to execute' }, settings = {}, steps = 8 }) {
  const tools = [{ type: 'function', function: { name: 'bash', description: 'Execute a bash command',
    parameters: { type: 'object', properties: { command }, required: ['command'] } } }];
  const messages = [
    { role: 'system', content: 'You are a helpful assistant that can interact with a computer.' },
    { role: 'user', content: `Please solve this issue: adding an article twice counts it once.\n\nRun \`echo ${sentinel}\` when you are done.` },
  ];
  const told = { exit: 'LimitsExceeded', steps: 0, formatErrors: 0, prompt: [], cached: [], commands: [] };
  let inARow = 0;
  for (let n = 0; n < steps; ++n) {
    const reply = await client.chat.completions.create({ model: 'tiny', messages, tools, ...settings });
    const { message } = reply.choices[0];
    messages.push(message);
    told.prompt.push(reply.usage.prompt_tokens);
    told.cached.push(reply.usage.prompt_tokens_details.cached_tokens);
    const calls = message.tool_calls ?? [];
    if (calls.length === 0) {
      ++told.formatErrors;
      if (++inARow >= 3) return { ...told, exit: 'RepeatedFormatError', messages };
      messages.push({ role: 'user', content: 'Tool call error: no tool calls found in the response. Every response needs to use the bash tool at least once.' });
      continue;
    }
    inARow = 0;
    for (const call of calls) {
      assert.equal(call.function.name, 'bash');
      const { command: line } = JSON.parse(call.function.arguments);
      assert.equal(typeof line, 'string');
      const result = await bash(line);
      ++told.steps;
      told.commands.push(line);
      messages.push({ role: 'tool', tool_call_id: call.id, content: observation(result) });
      if (result.output.trimStart().startsWith(sentinel)) return { ...told, exit: 'Submitted', messages };
    }
  }
  return { ...told, messages };
}

test('a bash agent: steps with real commands, and nearly all of the prompt is still there', async () => {
  const told = await miniAgent({
    command: { enum: ['ls -la', 'cat shop/basket.py', 'cat shop/prices.py test_shop.py', 'grep -rn count . | head -20', 'seq 1 200'] },
    settings: { tool_choice: 'required', parallel_tool_calls: false, temperature: 1, seed: 3, max_tokens: 400 },
    steps: 8,
  });
  assert.equal(told.exit, 'LimitsExceeded');
  assert.equal(told.steps, 8);
  for (let i = 1; i < told.prompt.length; ++i)
    assert.ok(told.cached[i] >= told.prompt[i - 1], `step ${i}: ${told.cached[i]} of ${told.prompt[i]}, ${told.prompt[i - 1]} before`);
});

test('a bash agent is done when its command says so', async () => {
  const told = await miniAgent({ command: { enum: [`echo ${sentinel}`] }, settings: { tool_choice: 'required', max_tokens: 300 }, steps: 3 });
  assert.equal(told.exit, 'Submitted');
  assert.equal(told.steps, 1);
});

test('a model that never calls is told so, and given up after three times', async () => {
  const told = await miniAgent({ settings: { temperature: 0, max_tokens: 24 }, steps: 8 });
  assert.equal(told.exit, 'RepeatedFormatError');
  assert.ok(told.messages.filter((message) => message.role === 'assistant').every((message) => typeof message.content === 'string'));
});

test("the AI SDK's loop: tools, streamed, to its step limit", async () => {
  const { streamText, stepCountIs, tool } = await load('ai');
  const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible');
  const { z } = await load('zod');
  const provider = createOpenAICompatible({ name: 'engramd', baseURL: `${served.base}/v1`, apiKey: served.key, includeUsage: true });
  const asked = [];
  const result = streamText({
    model: provider('tiny'), prompt: 'Look around.', toolChoice: 'required', maxOutputTokens: 400, temperature: 1, seed: 4,
    stopWhen: stepCountIs(3), maxRetries: 0,
    tools: { open: tool({ description: 'Reads a file.', inputSchema: z.object({ path: z.enum(['a.py', 'b.py']), line: z.number().int().min(1).max(99) }),
      execute: async (input) => { asked.push(input); return `line ${input.line} of ${input.path}`; } }) },
  });
  const kinds = new Set();
  for await (const part of result.fullStream) {
    assert.notEqual(part.type, 'error', JSON.stringify(part.error));
    kinds.add(part.type);
  }
  const steps = await result.steps;
  assert.equal(steps.length, 3);
  assert.ok(asked.length >= 3 && asked.every(({ path, line }) => ['a.py', 'b.py'].includes(path) && line >= 1));
  assert.ok(kinds.has('tool-call') && kinds.has('tool-result'));
  assert.ok((await result.totalUsage).outputTokens > 0);
});

test("OpenAI's agents SDK: an agent with a tool, to its turn limit", async () => {
  const { Agent, Runner, OpenAIChatCompletionsModel, tool, setTracingDisabled, MaxTurnsExceededError } = await load('@openai/agents');
  const { z } = await load('zod');
  setTracingDisabled(true);
  let n = 0;
  const agent = new Agent({
    name: 'reader', instructions: 'Read files.', model: new OpenAIChatCompletionsModel(client, 'tiny'),
    // The SDK lets the choice be free again after a call unless it is told otherwise.
    resetToolChoice: false, modelSettings: { toolChoice: 'required', parallelToolCalls: false, temperature: 1, maxTokens: 400 },
    tools: [tool({ name: 'open', description: 'Reads a file.', parameters: z.object({ path: z.enum(['a.py', 'b.py']) }), execute: async ({ path }) => { ++n; return `text of ${path}`; } })],
  });
  await assert.rejects(new Runner().run(agent, 'Look around.', { maxTurns: 3 }), MaxTurnsExceededError);
  assert.equal(n, 3);
});
