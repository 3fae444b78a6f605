"""Writes the checkpoint as engramd-tiny.gguf and starts MANIFEST.json.

Owns the list of metadata keys the C++ engine reads for `engramd-moe`. Matrices become Q8_0;
norms and the router stay F32. Accepts an unfinished checkpoint; the manifest says how many
tokens the weights have seen.
"""
import hashlib
import json

import torch

import recipe
from byte_pair_encoding import SPECIAL_TOKENS, Tokenizer
from gguf_writer import ARRAY, BOOL, F32, I32, STRING, U32, GgufWriter
from network import tensor_shapes

ARCHITECTURE = "engramd-moe"
MAX_FILE_BYTES = 6_000_000
NORMAL_TOKEN, CONTROL_TOKEN = 1, 3


def add_network_keys(writer):
    for name, type_id, value in (
            ("block_count", U32, recipe.N_LAYERS),
            ("context_length", U32, recipe.CONTEXT),
            ("embedding_length", U32, recipe.WIDTH),
            ("attention.head_count", U32, recipe.N_HEADS),
            ("attention.head_count_kv", U32, recipe.N_KV_HEADS),
            ("attention.key_length", U32, recipe.HEAD_DIM),
            ("attention.value_length", U32, recipe.HEAD_DIM),
            ("attention.layer_norm_rms_epsilon", F32, recipe.NORM_EPS),
            ("rope.freq_base", F32, recipe.ROPE_BASE),
            ("rope.dimension_count", U32, recipe.HEAD_DIM),
            ("expert_count", U32, recipe.N_EXPERTS),
            ("expert_used_count", U32, recipe.N_EXPERTS_USED),
            ("expert_feed_forward_length", U32, recipe.EXPERT_WIDTH),
            ("expert_shared_feed_forward_length", U32, recipe.SHARED_EXPERT_WIDTH),
            ("expert_weights_norm", BOOL, True),
            ("vocab_size", U32, recipe.VOCABULARY_SIZE)):
        writer.key(f"{ARCHITECTURE}.{name}", type_id, value)


def add_tokenizer_keys(writer, tokenizer):
    n_special = len(SPECIAL_TOKENS)
    types = [NORMAL_TOKEN] * (len(tokenizer.tokens) - n_special) + [CONTROL_TOKEN] * n_special
    writer.key("tokenizer.ggml.model", STRING, "gpt2")
    writer.key("tokenizer.ggml.pre", STRING, "qwen2")
    writer.key("tokenizer.ggml.tokens", ARRAY, (STRING, tokenizer.tokens))
    writer.key("tokenizer.ggml.token_type", ARRAY, (I32, types))
    writer.key("tokenizer.ggml.merges", ARRAY, (STRING, [f"{a} {b}" for a, b in tokenizer.merges]))
    for key, token in (("bos", "endoftext"), ("eos", "endoftext"), ("padding", "endoftext"),
                       ("fim_pre", "fim_prefix"), ("fim_suf", "fim_suffix"),
                       ("fim_mid", "fim_middle"), ("fim_pad", "fim_pad"),
                       ("fim_rep", "repo_name"), ("fim_sep", "file_sep")):
        writer.key(f"tokenizer.ggml.{key}_token_id", U32, tokenizer.special(f"<|{token}|>"))
    writer.key("tokenizer.ggml.add_bos_token", BOOL, False)


def main():
    checkpoint = torch.load(recipe.CACHE_FOLDER / "checkpoint.pt")
    tokenizer = Tokenizer.load(recipe.CACHE_FOLDER / "tokenizer.json")
    writer = GgufWriter()
    writer.key("general.architecture", STRING, ARCHITECTURE)
    writer.key("general.name", STRING, "engramd-tiny")
    writer.key("general.quantization_version", U32, 2)
    add_network_keys(writer)
    add_tokenizer_keys(writer, tokenizer)
    for name, shape in tensor_shapes().items():
        array = checkpoint["weights"][name].numpy()
        if array.shape != shape:
            raise SystemExit(f"tensor {name} has shape {array.shape}, expected {shape}")
        writer.tensor(name, array, quantise=len(shape) >= 2 and "ffn_gate_inp" not in name)
    writer.write(recipe.MODEL_FILE)

    raw = recipe.MODEL_FILE.read_bytes()
    if len(raw) > MAX_FILE_BYTES:
        raise SystemExit(f"{recipe.MODEL_FILE.name} has {len(raw)} bytes, limit {MAX_FILE_BYTES}")
    n_tokens = checkpoint["step"] * recipe.SEQUENCES_PER_STEP * recipe.CONTEXT
    parameters = {n: w.numel() for n, w in checkpoint["weights"].items()}
    idle = (recipe.N_EXPERTS - recipe.N_EXPERTS_USED) / recipe.N_EXPERTS
    manifest = {
        "file": recipe.MODEL_FILE.name, "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "architecture": ARCHITECTURE, "quantisation": "Q8_0 matrices, F32 norms and router",
        "parameters": sum(parameters.values()),
        "parameters_active_per_token": int(
            sum(n * (1 - idle if "_exps" in name else 1) for name, n in parameters.items())),
        "tokens_trained": n_tokens, "tokens_planned": recipe.TRAIN_TOKENS,
        "training_cpu_seconds": round(checkpoint["cpu_seconds"]),
        "training_fingerprint": checkpoint["fingerprint"],
        "software": {"torch": torch.__version__, "threads": recipe.THREADS},
        "recipe": recipe.training_values(),
        "evaluation": None,
        "corpus": json.loads((recipe.CACHE_FOLDER / "corpus-manifest.json").read_text()),
    }
    recipe.MANIFEST_FILE.write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{recipe.MODEL_FILE.name}: {len(raw)} bytes, {n_tokens} tokens trained")


if __name__ == "__main__":
    main()
