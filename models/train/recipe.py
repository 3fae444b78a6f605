"""The numbers that decide what the model becomes: sizes, seeds, filters, schedule.

Read by all steps; holds no logic. The sample format keeps its own few numbers in samples.py.
Changing anything here gives a different model, so the manifest records the values used.
"""
import os
import pathlib

SEED = 20260101
THREADS = 1  # PyTorch sums in a different order with another thread count

# ---- where things are
FOLDER = pathlib.Path(__file__).resolve().parent
MODELS_FOLDER = FOLDER.parent
CACHE_FOLDER = pathlib.Path(
    os.environ.get("ENGRAMD_TRAIN_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    / "engramd" / "corpus-train")
MODEL_FILE = MODELS_FOLDER / "engramd-tiny.gguf"
MANIFEST_FILE = MODELS_FOLDER / "MANIFEST.json"

# ---- corpus
SUFFIXES = {
    "python": (".py",),
    "javascript": (".js", ".mjs", ".cjs"),
    "cpp": (".h", ".hpp", ".hh", ".cc", ".cpp", ".c"),
    "go": (".go",),
    "rust": (".rs",),
}
MIN_FILE_BYTES = 200
MAX_FILE_BYTES = 100_000
MAX_LINE_CHARS = 400
MAX_MEAN_LINE_CHARS = 80
MAX_DIGIT_SHARE = 0.15
MAX_PACKAGE_BYTES = 1_200_000  # so that no project dominates; files are chosen by hash order
LANGUAGE_SHARES = {"python": 0.65, "javascript": 0.09, "cpp": 0.09, "go": 0.09, "rust": 0.08}

# ---- tokenizer
VOCABULARY_SIZE = 8192
TOKENIZER_SAMPLE_BYTES = 8_000_000

# ---- network
N_LAYERS = 4
WIDTH = 192
N_HEADS = 6
N_KV_HEADS = 2
HEAD_DIM = 32
N_EXPERTS = 8
N_EXPERTS_USED = 2
EXPERT_WIDTH = 128
SHARED_EXPERT_WIDTH = 192
CONTEXT = 512
ROPE_BASE = 10000.0
NORM_EPS = 1e-6

# ---- training
SEQUENCES_PER_STEP = 4
TRAIN_TOKENS = 1_638_400  # 800 steps: about 20 minutes of one server core
WARMUP_STEPS = 36
# From this step the learning rate falls linearly, reaching zero after DECAY_STEPS more. Training
# ends before that, at 18 % of the full rate: the last steps did not fit the time there was.
DECAY_FROM_STEP = 440
DECAY_STEPS = 440
MUON_RATE = 0.02
MUON_MOMENTUM = 0.95
ADAM_RATE = 4e-3
ADAM_BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.01
BALANCE_WEIGHT = 0.01
FIM_SHARE = 0.5

# ---- evaluation
EVALUATION_WINDOWS = 160
EVALUATION_HOLES = 200


def training_values():
    """What the trained weights depend on, apart from the corpus and the code."""
    return {name: value for name, value in sorted(globals().items())
            if name.isupper() and not name.startswith("EVALUATION")
            and not isinstance(value, pathlib.Path)}
