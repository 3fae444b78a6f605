// The engine's tokenizer against published ones, id by id (see tokenizer/compare.mjs).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { published } from "./tokenizer/published.mjs";

// The languages' corpora and all other text of this repository; then code that others wrote, as
// far as the machine has it: Vim's runtime files are in dozens of languages.
const repository = join(import.meta.dirname, "../..");
const elsewhere = ["/usr/share/vim/vim90/syntax", "/usr/lib/python3/dist-packages", "/usr/include/boost/asio"]
  .filter(existsSync);

for (const name of Object.keys(published)) {
  test(`${name}: no text is tokenized otherwise than by the published tokenizer`, (context) => {
    const driver = join(dirname(process.env.ENGRAMD_BINARY), "tests/test_engine");
    const compare = join(import.meta.dirname, "tokenizer/compare.mjs");
    const run = spawnSync(process.execPath,
      [compare, "--driver", driver, "--tokenizer", name, "--max-mb", "12", repository, ...elsewhere],
      { encoding: "utf8" });
    context.diagnostic(run.stdout.trim().replaceAll("\n", "; "));
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
}
