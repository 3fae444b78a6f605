// The engine's tokenizer against Qwen2.5's published one, id by id (see tokenizer/compare.mjs).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import test from "node:test";

test("no text of this repository is tokenized otherwise than by the published tokenizer", () => {
  const driver = join(dirname(process.env.ENGRAMD_BINARY), "tests/test_engine");
  const compare = join(import.meta.dirname, "tokenizer/compare.mjs");
  const run = spawnSync(process.execPath, [compare, "--driver", driver], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});
