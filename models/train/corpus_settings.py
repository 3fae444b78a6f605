"""The numbers that decide what the corpus and the tokenizer become. No logic.

Changing anything here gives another corpus; the model's own numbers are in recipe.py.
"""
import os
import pathlib
import re

SEED = 20260101
FOLDER = pathlib.Path(__file__).resolve().parent
PACKAGES_FILE = pathlib.Path(os.environ.get("ENGRAMD_TRAIN_PACKAGES") or FOLDER / "packages.txt")
CACHE_FOLDER = pathlib.Path(
    os.environ.get("ENGRAMD_TRAIN_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    / "engramd" / "corpus-train")

# ---- fetching
PROCESSES = 2
DOWNLOADS = 3
GROUP = 100                         # packages fetched by one run of apt, which reads its lists each time
KEEP_ARCHIVES = False
MAX_ARCHIVE_BYTES = 135_000_000     # of one package, as it is packed
MAX_BINARY_BYTES = 40_000_000
LARGE_ARCHIVE_BYTES = 16_000_000    # fetched last
BINARY_WITH_SOURCE = re.compile(r"python3-|golang-.*-dev$|librust-.*-dev$|node-|lib(?!js-).*-dev$")
BINARY_WITHOUT_SOURCE = re.compile(r"-(doc|dbg|dbgsym|data)$")
MAX_COPYRIGHT_BYTES = 2_000_000
MAX_CANDIDATE_BYTES = 25_000_000    # kept of one package and language before the choice

# ---- which files
USES = ("test", "dev", "train")
LANGUAGE_OF_SUFFIX = {
    ".py": "python", ".pyi": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".tsx": "typescript", ".mts": "typescript",
    ".c": "c", ".h": "c",           # a header with C++ in it counts as C++
    ".hpp": "cpp", ".hh": "cpp", ".hxx": "cpp", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp",
    ".ipp": "cpp", ".inl": "cpp",
    ".go": "go", ".rs": "rust", ".java": "java", ".sh": "bash", ".bash": "bash", ".bats": "bash",
}
MIN_FILE_BYTES = 200
MAX_FILE_BYTES = 100_000
MAX_LINE_CHARS = 300
MAX_MEAN_LINE_CHARS = 75
MIN_MEAN_LINE_CHARS = 8
MAX_DIGIT_SHARE = 0.12
MIN_LETTER_SHARE = 0.35
KEEP_LICENCE_HEADER = 1 / 8         # elsewhere the leading licence comment is cut off

# ---- how much of what
MAX_PACKAGE_BYTES = 5_000_000       # of one package and language, tests apart
TEST_SHARE_OF_CODE = 0.4            # bytes of tests per byte of code in one package
TRAIN_BYTES = 500_000_000
SHARE_GROUP = {"python": "python", "javascript": "javascript", "typescript": "javascript",
               "cpp": "cpp", "c": "c", "go": "go", "rust": "rust", "java": "java", "bash": "bash"}
LANGUAGE_SHARES = {"python": 0.35, "javascript": 0.12, "cpp": 0.12, "c": 0.10, "go": 0.11,
                   "rust": 0.09, "java": 0.08, "bash": 0.03}

# ---- near duplicates
BLOCK_LINES = 6
BLOCK_SAMPLE = 4                    # one block in so many is remembered, chosen by its hash
MAX_SEEN_SHARE = 0.6

# ---- tokenizer
VOCABULARY_SIZE = 12288
PRE_TOKENIZER = "qwen2"
TOKENIZER_SAMPLE_BYTES = 20_000_000
