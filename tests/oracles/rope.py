#!/usr/bin/env python3
"""Rotary frequencies of published models. Writes fixtures/rope/cases.safetensors; --check compares with what is committed.

For each case NAME: `NAME.frequencies` F32 [pairs], radians a token, and `NAME.factor` F32 [1], what cosine and sine are
multiplied by. `NAME.softmax` F32 [1], where present, multiplies the softmax scale head^-1/2. The parameters are those of
the models' config.json:

  gpt_oss            64 of 64 dims, base 150000, YaRN 32 x 4096, betas 32 and 1, ramp not rounded ("truncate": false)
  gpt_oss_truncated  the same with the ramp rounded outwards to whole pairs, as readers of GGUF do: pair 17 turns 1.76 times as fast
  deepseek_v3        64 dims, base 10000, YaRN 40 x 4096, betas 32 and 1, mscale = mscale_all_dim = 1
  deepseek_v2_lite   the same with mscale = mscale_all_dim = 0.707
  llama_3_1          128 dims, base 500000, factor 8, low 1, high 4, original 8192; .divisors as in rope_freqs.weight
  llama_3_2          64 dims, the same with factor 32
  qwen3_5            64 of 256 dims, base 10000000, no scaling
"""
import sys

import numpy as np

import common
import dense
import parts


def make_cases():
    cases = {}

    def case(name, frequencies, factor=1.0, **more):
        cases[name + ".frequencies"] = ("F32", frequencies)
        cases[name + ".factor"] = ("F32", np.array([factor]))
        for key, value in more.items():
            cases[name + "." + key] = ("F32", np.atleast_1d(value))

    for name, truncate in (("gpt_oss", False), ("gpt_oss_truncated", True)):
        case(name, parts.yarn_frequencies(64, 150000.0, 32.0, 4096, 32.0, 1.0, truncate), 0.1 * np.log(32.0) + 1)
    for name, mscale in (("deepseek_v3", 1.0), ("deepseek_v2_lite", 0.707)):
        case(name, parts.yarn_frequencies(64, 10000.0, 40.0, 4096, 32.0, 1.0, True),
             softmax=(0.1 * mscale * np.log(40.0) + 1) ** 2)
    for name, dims, factor in (("llama_3_1", 128, 8.0), ("llama_3_2", 64, 32.0)):
        plain = common.rope_frequencies(dims, 500000.0)
        scaled = dense.llama3_frequencies(plain, {"factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                  "original_max_position_embeddings": 8192})
        case(name, scaled, divisors=plain / scaled)
    case("qwen3_5", common.rope_frequencies(64, 10000000.0))
    return cases


def fixtures():
    fixture = common.Fixture("rope")
    fixture.add_tensors("cases.safetensors", make_cases())
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
