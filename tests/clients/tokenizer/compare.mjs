// Compares the engine's tokenizer with a published one from npm (published.mjs), id by id.
//
//   tests/clients/run tokenizer      as a test; or, with the environment that script sets:
//   node compare.mjs --driver BUILD/tests/test_engine [--tokenizer NAME] [--max-mb N] [folder or file ...]
//
// Texts: all readable files below the folders (this repository by default), the cases below, and
// seeded random mixtures. Prints the counts; exits 1 on any difference.
//
// Known differences that are the published JavaScript's, not the model's, and so are kept out of
// the texts: JavaScript's \s has U+FEFF and lacks U+0085; its contractions do not fold U+017F;
// some bring text into normal form C first (ours gives every byte back, so texts are normalised
// here before both see them). Letters that Unicode gained after version 14 would differ too; no
// text here has any. Control tokens are split out in all text there: ours does that in
// encode_with_specials only, which is what it is compared with.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { published } from "./published.mjs";

const args = process.argv.slice(2);
let driver = null;
let only = null;
let name = "qwen2.5";
const roots = [];
while (args.length > 0) {
  const arg = args.shift();
  if (arg === "--driver") driver = args.shift();
  else if (arg === "--tokenizer") name = args.shift();
  else if (arg === "--max-mb") only = Number(args.shift()) * 1e6;
  else roots.push(arg);
}
if (!driver || !published[name]) {
  console.error("usage: node compare.mjs --driver TEST_ENGINE [--tokenizer NAME] [--max-mb N] " +
    `[folder or file ...]; NAME: ${Object.keys(published).join(", ")}`);
  process.exit(2);
}
const here = path.dirname(new URL(import.meta.url).pathname);
if (roots.length === 0) roots.push(path.resolve(here, "../../.."));

const reference = published[name]();

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
  "<tool_call>{}</tool_call>", "<\uff5cUser\uff5c>hi<\uff5cAssistant\uff5c></think>", "<|start|>user<|message|>hi<|end|>",
  "HTTPServer getURL XMLHttpRequest iOS'll IT'S don'T", "a\u0301bc \u0301x A\u0301B \u0902\u0903", "\u30ab\u30fb\u30bf\u3099 1\u5e742\u6708",
  "\u01c5ab \u02b0X \u00aaB \u4e2dAB \u4e2dab AB\u4e2d", "\u0001\u0002x\u0003 \u0004", "//!\n// a\n/* */\n///\n", "x=1;//\r\n\t/",
  "\u09ac\u09be\u0982\u09b2\u09be \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd", "1234567 12 1,234.56e+78", "a<|repo_name|><|file_sep|>b", "\ufffd\ufffd x\ufffdy", "\u0000\u0001\u007f",
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
    "123", "é", "中文", "😀", "٣", "½", "\u3000", "\ufffd", "Ω", "ñ", "<|im_end|>", "foo", "Bar", ":", "\u0301", "BAZ", "iX", "/", "\u30ab", "\u0001", "\u{20000}", "\u00df", "\u01c5"];
  return Array.from({ length: n }, () =>
    Array.from({ length: 1 + random(30) }, () => pieces[random(pieces.length)]).join(""));
}

function usable(text) {
  return !/[\u0085\ufeff\u017f]/.test(text);
}

let skipped = 0;
let n_bytes = 0;
const texts = [...cases, ...random_texts(2000)].map(reference.prepare).filter(usable);
for (const root of roots) {
  for (const file of files(root)) {
    if (only !== null && n_bytes >= only) break;
    // Bytes that are no UTF-8 become U+FFFD here; that they survive as they are is a C++ test.
    const text = reference.prepare(fs.readFileSync(file).toString("utf8"));
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
  fs.writeFileSync(file("tokenizer.json"), reference.json());
  write_strings(file("texts"), texts);
  const said = execFileSync(driver, ["[tokenizer-driver]"], {
    encoding: "utf8",
    env: {
      ...process.env,
      ENGRAMD_TOKENIZER_JSON: file("tokenizer.json"),
      ENGRAMD_TOKENIZER_TEXTS: file("texts"),
      ENGRAMD_TOKENIZER_IDS: file("ids"),
    },
  });
  console.log("ours: " + said.split("\n").find((line) => line.includes("MB/s")));
  const ours = read_strings(file("ids"));
  if (ours.length !== 2 * texts.length) throw new Error(`${ours.length} answers for ${texts.length} texts`);

  // ---- theirs
  const start = process.hrtime.bigint();
  let n_ids = 0;
  texts.forEach((text, i) => {
    const theirs = reference.encode(text);
    n_ids += theirs.length;
    const check = (kind, row) => {
      if (row === theirs.join(" ")) return;
      ++differences;
      if (differences > 10) return;
      const mine = row.split(" ").map(Number);
      const at = mine.findIndex((id, j) => id !== theirs[j]);
      console.log(`${kind} differs in text ${i} at id ${at}: ours ${mine.slice(at, at + 6)}, ` +
        `theirs ${theirs.slice(at, at + 6)}, in ${JSON.stringify(text.slice(0, 200))}`);
    };
    if (!reference.added.some((token) => text.includes(token))) check("encode", ours[2 * i]);
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
