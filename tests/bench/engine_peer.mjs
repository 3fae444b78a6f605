// Speed of the leading open engine on one of our files, through npm's prebuilt node-llama-cpp: what
// engine_bench is compared with.
//
//   npm install node-llama-cpp        (anywhere; run this script from that folder)
//   node engine_peer.mjs MODEL.gguf [THREADS [PROMPT [GENERATE [VOCABULARY]]]]
//
// Prints a JSON line for each run with the names that engine_bench uses: avg_ts is by the clock,
// cpu_s the process's CPU time, all threads together. Each is run twice; default caches, flash
// attention off, prompts in one batch.
import {createRequire} from "node:module";
import path from "node:path";
import {pathToFileURL} from "node:url";

const {getLlama, LlamaLogLevel} = await import(
    pathToFileURL(createRequire(path.join(process.cwd(), "x.js")).resolve("node-llama-cpp")).href);

const file = process.argv[2];
const [threads, nPrompt, nGenerate, vocabulary] = [2, 512, 64, 30300].map((n, i) => Number(process.argv[3 + i] ?? n));
if (!file) {
    console.error("usage: node engine_peer.mjs MODEL.gguf [THREADS [PROMPT [GENERATE [VOCABULARY]]]]");
    process.exit(2);
}

const llama = await getLlama(
    {gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads});
const model = await llama.loadModel({modelPath: path.resolve(file), gpuLayers: 0});
const size = nPrompt + nGenerate + 64;
const context = await model.createContext(
    {contextSize: size, batchSize: Math.max(nPrompt, 64), flashAttention: false, threads});
const sequence = context.getSequence();

// Tokens spread over the vocabulary, so that routers see variety; the first few hundred may be special.
let state = 3n;
function tokens(n) {
    return Array.from({length: n}, () => {
        state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
        return Number((state >> 33n) % BigInt(vocabulary - 300)) + 300;
    });
}
const cpuSeconds = () => {
    const usage = process.resourceUsage();
    return (usage.userCPUTime + usage.systemCPUTime) / 1e6;
};
// Only the last token's logits, as in reading a prompt.
const read = (list) => sequence.controlledEvaluate(
    list.map((t, i) => (i === list.length - 1 ? [t, {generateNext: {token: true}}] : t)));

async function timed(line, n, body) {
    const wall = performance.now(), cpu = cpuSeconds();
    await body();
    const seconds = (performance.now() - wall) / 1000;
    console.log(JSON.stringify({...line, avg_ts: +(n / seconds).toFixed(2),
        cpu_s: +(cpuSeconds() - cpu).toFixed(3), n_threads: threads}));
}

await read(tokens(32));
for (let run = 0; run < 2; run++) {
    await sequence.clearHistory();
    if (nPrompt > 0)
        await timed({n_prompt: nPrompt, n_gen: 0, n_depth: 0}, nPrompt, () => read(tokens(nPrompt)));
    if (nGenerate > 0)
        await timed({n_prompt: 0, n_gen: nGenerate, n_depth: nPrompt}, nGenerate, async () => {
            for (const token of tokens(nGenerate)) await read([token]);
        });
}
process.exit(0);
