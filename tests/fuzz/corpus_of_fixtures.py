#!/usr/bin/env python3
"""Writes seed files for the model file fuzzers from the oracles' fixtures.

  corpus_of_fixtures.py OUT      OUT/gguf, OUT/safetensors, OUT/checkpoint
"""
import sys
from pathlib import Path

fixtures = Path(__file__).resolve().parent.parent / "oracles" / "fixtures"
out = Path(sys.argv[1])
for kind in ("gguf", "safetensors", "checkpoint"):
    (out / kind).mkdir(parents=True, exist_ok=True)
for folder in sorted(fixtures.iterdir()):
    model, hf = folder / "model.gguf", folder / "hf"
    if model.exists():
        (out / "gguf" / folder.name).write_bytes(model.read_bytes())
    if (hf / "model.safetensors").exists():
        tensors = (hf / "model.safetensors").read_bytes()
        (out / "safetensors" / folder.name).write_bytes(tensors)
        (out / "checkpoint" / folder.name).write_bytes((hf / "config.json").read_bytes() + b"\0" + tensors)
