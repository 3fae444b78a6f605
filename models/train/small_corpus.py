"""Writes docs/{train,dev,test}.jsonl out of a source tree: for trying the whole pipeline without
downloads. The same format as collect_corpus.py's, one package for each folder at the top.

  small_corpus.py TREE DOCS_FOLDER [--bytes N]
"""
import argparse
import json
import pathlib

LANGUAGES = {".py": "python", ".cpp": "cpp", ".h": "cpp", ".js": "javascript", ".ts": "typescript",
             ".sh": "bash"}
MOST_FILE_BYTES = 40_000


def documents(tree):
    for path in sorted(tree.rglob("*")):
        relative = path.relative_to(tree)
        if (path.suffix not in LANGUAGES or not path.is_file() or len(relative.parts) < 2
                or any(part.startswith((".", "build", "node_modules")) for part in relative.parts)):
            continue
        if 500 <= path.stat().st_size <= MOST_FILE_BYTES:
            yield {"language": LANGUAGES[path.suffix], "package": relative.parts[0],
                   "path": str(relative), "text": path.read_text(errors="ignore")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("docs", type=pathlib.Path)
    parser.add_argument("--bytes", type=int, default=300_000)
    args = parser.parse_args()
    by_package = {}
    for document in documents(args.tree):
        by_package.setdefault(document["package"], []).append(document)
    if len(by_package) < 3:
        raise SystemExit(f"{args.tree}: source files in {len(by_package)} folders, expected 3")
    packages = sorted(by_package, key=lambda name: -len(by_package[name]))
    args.docs.mkdir(parents=True, exist_ok=True)
    for use, names in (("test", packages[1:2]), ("dev", packages[2:3]),
                       ("train", packages[:1] + packages[3:])):
        left = args.bytes if use == "train" else args.bytes // 5
        with open(args.docs / f"{use}.jsonl", "w") as out:
            for name in names:
                for document in by_package[name]:
                    left -= len(document["text"])
                    if left < 0:
                        break
                    out.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
