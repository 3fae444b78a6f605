// An OpenAI-compatible server (npm's aimock) answers the loop's requests with the turns of a
// recorded transcript; `engramd fix` talks to it over real HTTP with streaming and tools.
//
// Checks: the run is resolved, the patch is the transcript's, every request carried tools and the
// whole history, a busy answer (429) is tried again, and no key appears in any output.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import test from "node:test";
import { require } from "./lib/schema.mjs";

const { LLMock } = require("@copilotkit/aimock");
const engramd = process.env.ENGRAMD_BINARY;
const fixtures = join(process.env.ENGRAMD_SOURCE, "tests/fixtures/agent/loop");
const turns = readFileSync(join(fixtures, "transcript.jsonl"), "utf8")
  .split("\n").filter(Boolean).map((line) => JSON.parse(line));

function run(args, env) {
  return new Promise((resolve) => {
    const child = spawn(engramd, args, { env });
    let stdout = "", stderr = "";
    child.stdout.on("data", (piece) => (stdout += piece));
    child.stderr.on("data", (piece) => (stderr += piece));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

test("the loop works through an OpenAI-compatible server, and says so when it is gone", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "engramd-stub-"));
  const mock = new LLMock({ port: 0, host: "127.0.0.1" });
  t.after(async () => {
    await mock.stop().catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  });
  turns.forEach((turn, turnIndex) => {
    mock.addFixture({
      match: { turnIndex },
      response: {
        content: turn.content || undefined,
        toolCalls: turn.tool_calls.map((call) => ({
          id: call.id, name: call.function.name, arguments: call.function.arguments,
        })),
      },
    });
  });
  await mock.start();
  cpSync(join(fixtures, "project"), join(folder, "project"), { recursive: true });
  const key = "sk-the-key-that-must-not-be-seen";
  const env = {
    PATH: process.env.PATH, HOME: folder, ENGRAMD_DATA: process.env.ENGRAMD_DATA ?? "",
    XDG_CACHE_HOME: join(folder, "cache"), XDG_STATE_HOME: join(folder, "state"),
    XDG_CONFIG_HOME: join(folder, "config"), OPENAI_API_KEY: key,
  };
  const result = await run(
    ["fix", "--repo", join(folder, "project"), "--test", "/usr/bin/python3 -m pytest -q",
      "--issue", "Adding an article to the basket twice counts it once.",
      "--model", `${mock.url}/v1#stub`, "--trajectory", join(folder, "run.json"),
      "--out", join(folder, "patch.diff"), "--json"], env);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  const report = JSON.parse(result.stdout);
  assert.equal(report.state, "resolved");
  assert.equal(report.steps, turns.length);
  const patch = readFileSync(join(folder, "patch.diff"), "utf8");
  assert.match(patch, /\+ {8}self\._counts\[article\] = self\._counts\.get\(article, 0\) \+ count/);

  const requests = mock.getRequests();
  assert.equal(requests.length, turns.length);
  requests.forEach((request, index) => {
    const body = request.body;
    assert.ok(body.stream && body.tools.length >= 8, "streaming, with tools");
    assert.equal(body.messages.filter((m) => m.role === "assistant").length, index);
  });
  const trajectory = readFileSync(join(folder, "run.json"), "utf8");
  for (const text of [result.stdout, result.stderr, trajectory, patch]) assert.ok(!text.includes(key));
  // An endpoint that is not there is one clear line and the status of a missing environment.
  const port = new URL(mock.url).port;
  await mock.stop();
  const gone = await run(
    ["fix", "--repo", join(folder, "project"), "--test", "/usr/bin/python3 -m pytest -q", "--issue", "x",
      "--model", `http://127.0.0.1:${port}/v1#stub`, "--trajectory", join(folder, "gone.json")],
    env);
  assert.equal(gone.code, 3, gone.stdout + gone.stderr);
  assert.match(gone.stderr, /engramd: .*cannot reach 127\.0\.0\.1/);
});
