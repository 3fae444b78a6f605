// Logits of the leading open engine for one of our files, through npm's prebuilt node-llama-cpp.
//
//   npm install node-llama-cpp            (anywhere; run this script from that folder, or set NODE_PATH)
//   node peer.mjs MODEL.gguf 5,17,3       prints one JSON line for each token: its logits after that token
//   node peer.mjs MODEL.gguf FILE.safetensors
//                                         takes tokens, positions and logits from an expected file of an oracle
//                                         and prints the error at each position and over all of them
//
// Caches and arithmetic are F32, flash attention off, one batch. --f16-cache takes the peer's default cache.
import {createRequire} from "node:module";
import {readFileSync} from "node:fs";
import path from "node:path";
import {pathToFileURL} from "node:url";

const {getLlama, LlamaLogLevel} = await import(
    pathToFileURL(createRequire(path.join(process.cwd(), "x.js")).resolve("node-llama-cpp")).href);

function readSafetensors(file) {
    const raw = readFileSync(file);
    const size = Number(raw.readBigUInt64LE(0));
    const header = JSON.parse(raw.subarray(8, 8 + size).toString());
    const out = {};
    for (const [name, info] of Object.entries(header)) {
        if (name === "__metadata__") continue;
        const bytes = raw.subarray(8 + size + info.data_offsets[0], 8 + size + info.data_offsets[1]);
        const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
        const Kind = {F32: Float32Array, I32: Int32Array}[info.dtype];
        if (Kind) out[name] = {shape: info.shape, data: new Kind(copy)};
    }
    return out;
}

const args = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const f16 = process.argv.includes("--f16-cache");
if (args.length !== 2) {
    console.error("usage: node peer.mjs MODEL.gguf (TOKEN,TOKEN,... | EXPECTED.safetensors) [--f16-cache]");
    process.exit(2);
}
const expected = args[1].endsWith(".safetensors") ? readSafetensors(args[1]) : null;
const tokens = expected ? [...expected.tokens.data] : args[1].split(",").map(Number);
const wanted = new Set(expected ? expected.positions?.data ?? tokens.keys() : tokens.keys());

const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: path.resolve(args[0]), gpuLayers: 0});
const cache = f16 ? {} : {experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"};
const size = Math.max(512, tokens.length + 64);
const context = await model.createContext(
    {contextSize: size, batchSize: size, flashAttention: false, threads: 2, ...cache});
const sequence = context.getSequence();
const input = tokens.map((t, i) => (wanted.has(i) ? [t, {generateNext: {logits: true}}] : t));
const result = await sequence.controlledEvaluate(input);

if (!expected) {
    for (const i of wanted) {
        console.log(JSON.stringify([...result[i].next.logits.entries()].sort((a, b) => a[0] - b[0]).map((e) => e[1])));
    }
} else {
    const [, vocab] = expected.logits.shape;
    let worst = 0, sum = 0, base = 0, top = 0, row = 0, same = 0;
    for (const i of wanted) {
        const ours = expected.logits.data.subarray(row * vocab, ++row * vocab);
        let error = 0, ourBest = 0, peerBest = 0;
        for (let v = 0; v < vocab; ++v) {
            const peer = result[i].next.logits.get(v);
            error = Math.max(error, Math.abs(peer - ours[v]));
            sum += (peer - ours[v]) ** 2;
            base += ours[v] ** 2;
            top = Math.max(top, Math.abs(ours[v]));
            if (ours[v] > ours[ourBest]) ourBest = v;
            if (peer > result[i].next.logits.get(peerBest)) peerBest = v;
        }
        worst = Math.max(worst, error);
        same += ourBest === peerBest;
        console.log(`position ${i}: largest difference ${error.toExponential(2)}`);
    }
    console.log(`largest difference / largest logit ${(worst / top).toExponential(2)}, ` +
                `root mean square ${Math.sqrt(sum / base).toExponential(2)}, top token equal at ${same} of ${row}`);
}
await context.dispose();
await model.dispose();
process.exit(0);
