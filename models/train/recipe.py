"""The numbers that decide what the model becomes: schedule, rates, shares of samples.

Read by the trainer; holds no logic. The shape of the network is in shape.py. The manifest records
the values used.
"""
SEED = 20260101

# ---- schedule, in shares of all tokens of a run
WARMUP_SHARE = 0.02
DECAY_SHARE = 0.30      # the rate falls linearly to zero
QUANTISED_SHARE = 0.15  # weights rounded like in the exported file

# ---- optimizer
SEQUENCES_PER_STEP = 64
MUON_RATE = 0.012
MUON_MOMENTUM = 0.95
TABLE_RATE = 3e-3       # AdamW: embedding and Engram tables
SMALL_RATE = 2e-3       # AdamW: norms, routers, mixing of streams
ADAM_BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.02     # of Muon's matrices
BALANCE_WEIGHT = 1e-2
SELECTION_BIAS_RATE = 1e-2  # falls with the rate

# ---- samples
FIM_SHARE = 0.6         # of the sequences; the others are plain text
FIM_SHARE_IN_DECAY = 0.8
PREFIX_TOKENS = 320     # the product shows no more
SUFFIX_TOKENS = 96
MIDDLE_TOKENS = 192     # longer holes are cut and then have no end
# Loss weight of a token, by what it is: nothing, suffix, prefix, middle and its end, plain text.
LOSS_WEIGHTS = (0.0, 0.1, 0.4, 4.0, 0.7)


def training_values():
    return {name: value for name, value in sorted(globals().items()) if name.isupper()}
