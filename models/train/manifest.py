#!/usr/bin/env python3
"""Writes MANIFEST.json beside a model file: what it is, what it was trained with and on.

  manifest.py MODEL.gguf RESULTS --device TEXT --torch VERSION --distinct-tokens N --holes N

RESULTS is the folder that train.py left: weights-N.safetensors and result.json. The corpus is named
by the hashes of corpus-manifest.json and corpus-files.txt.xz beside the model file. Numpy and PyTorch.
"""
import argparse
import hashlib
import json
import math
import pathlib

from quantise import load_result
from shape import Shape, tensor_shapes
from train import active_parameters


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--device", required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--distinct-tokens", type=int, required=True)
    parser.add_argument("--holes", type=int, required=True)
    args = parser.parse_args()
    folder = args.model.parent
    _, metadata = load_result(args.results)
    result = json.loads((args.results / "result.json").read_text())
    shape = Shape.from_dict(json.loads(metadata["shape"]))
    manifest = {
        "file": args.model.name, "bytes": args.model.stat().st_size, "sha256": sha256(args.model),
        "architecture": "engramd",
        "quantisation": "Q4_0; embedding Q5_0; norms, routers and mixing of streams F32",
        "shape": shape.to_dict(), "recipe": json.loads(metadata["recipe"]),
        "parameters": sum(math.prod(dims) for dims in tensor_shapes(shape).values()),
        "parameters_active_per_token": active_parameters(shape),
        "tokens_trained": int(metadata["tokens"]), "distinct_tokens": args.distinct_tokens,
        "holes": args.holes,
        "training": {"seconds": result["seconds"], "device": args.device, "torch": args.torch,
                     "seed": int(metadata["seed"])},
        "development": result,
        "corpus": {"packages": "corpus-manifest.json", "files": "corpus-files.txt.xz",
                   "files_sha256": sha256(folder / "corpus-files.txt.xz"),
                   "packages_sha256": sha256(folder / "corpus-manifest.json")}}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
