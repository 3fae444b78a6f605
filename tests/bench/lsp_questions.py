"""The questions of lsp_bench: places in a tree where a programmer might ask, the same for each server."""
import os
import random
import re

EXTENSIONS = {"python": [".py"], "cpp": [".cpp", ".hpp", ".h", ".cc"], "c": [".c", ".h"],
              "typescript": [".ts"]}
KEYWORDS = set("""and as assert async await break case catch class const continue def default delete do
else elif enum except export extends False finally for from function if implements import in include inline int
interface is lambda let namespace new None not null nullptr operator or pass private protected public raise
return self static static_assert struct super switch template this throw True try type typename undefined union
unsigned using var virtual void while with yield string number boolean true false""".split())
SKIPPED_FOLDERS = {".git", "node_modules", "third_party", "build", "dist"}
WORD = re.compile(r"[A-Za-z_]\w{3,}")
# Good enough to keep out of comments and strings; what slips through is the same for every server.
NO_CODE = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|#.*|//.*')
MAX_FILE_BYTES = 400_000


def source_files(root, language):
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        found += [os.path.relpath(os.path.join(folder, n), root) for n in sorted(names)
                  if os.path.splitext(n)[1] in EXTENSIONS[language]]
    return found


def lines_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace", newline="") as f:
        return f.read().split("\n")


class Questions:
    """places: (path, line, column, name); names: what to search for; long_file: the edited one."""

    def __init__(self, root, language, n_files=20, n_places=200, n_lines=5000, seed=1):
        chance = random.Random(seed)
        files = [p for p in source_files(root, language)
                 if 2000 < os.path.getsize(os.path.join(root, p)) < MAX_FILE_BYTES]
        self.files = sorted(chance.sample(files, min(n_files, len(files))))
        self.places = []
        candidates = []
        for path in self.files:
            for number, line in enumerate(lines_of(root, path)):
                if not line.isascii() or line.lstrip().startswith(("*", "/*", "#", '"""')):
                    continue
                bare = NO_CODE.sub(lambda m: " " * len(m.group()), line)
                candidates += [(path, number, m.start() + 1, m.group()) for m in WORD.finditer(bare)
                               if m.group() not in KEYWORDS]
        self.places = chance.sample(candidates, min(n_places, len(candidates)))
        self.names = []
        for place in self.places[:100]:
            self.names.append(place[3] if chance.random() < 0.5 else place[3][:max(3, len(place[3]) // 2)])
        # The edited file: the one nearest to n_lines, made that long from its own lines.
        sizes = sorted((abs(len(lines_of(root, p)) - n_lines), p) for p in chance.sample(
            source_files(root, language), min(400, len(source_files(root, language)))))
        self.long_file = sizes[0][1]
        lines = lines_of(root, self.long_file)
        while len(lines) < n_lines:
            lines = lines + lines
        self.long_text = "\n".join(lines[:n_lines]) + "\n"
