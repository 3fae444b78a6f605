#!/usr/bin/env python3
"""Which functions and classes that universal-ctags finds does the index find too?

    ctags_check.py INDEX_BENCH FOLDER --language python|cpp [--list CLASS] [--minimum 98]

INDEX_BENCH is build/release/tests/bench/index_bench (-DENGRAMD_BUILD_BENCH=ON). A tag counts as
found when the index has a symbol of that name, on that line of that file, of the same sort
(function or class). What is not found is put into classes by looking at the text around it, so
that a difference can be explained and not only counted; --list prints the tags of one class.
The exit status is 1 when less than the minimum is found.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys

KINDS = {
    "python": ("Python", {"function": "function", "member": "function", "class": "class"}),
    "cpp": ("C,C++", {"function": "function", "class": "class", "struct": "class", "union": "class",
                      "enum": "class"}),
}
OURS = {"function": "function", "method": "function", "constructor": "function", "class": "class",
        "struct": "class", "enum": "class", "interface": "class"}


def ctags_of(folder, language, files):
    names, kinds = KINDS[language]
    # Only the files that the index reads, so that both look at the same text.
    run = subprocess.run(
        ["ctags", "--languages=" + names, "--langmap=C++:+.cu.cuh.inl.ipp.tpp",
         "--output-format=json", "--fields=+nKlz", "--extras=-F", "-L", "-", "-f", "-"],
        input="\n".join(files), capture_output=True, text=True, cwd=folder, errors="replace",
        check=True)
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        kind = kinds.get(tag.get("kind"))
        if kind is None or tag["name"].startswith("__anon"):
            continue
        yield tag["path"], tag["line"], tag["name"], kind, tag


def ours_of(index_bench, folder):
    run = subprocess.run([index_bench, "--symbols", folder], capture_output=True, text=True,
                         errors="replace", check=True)
    place = re.compile(r"(.*?):(\d+) (.*) (enum member|type alias|[a-z]+)$")
    found = collections.defaultdict(list)
    for line in run.stdout.splitlines():
        match = place.match(line)
        if match:
            found[match[1]].append((int(match[2]), same_name(match[3]), match[4]))
    return found


def same_name(name):
    """ctags writes `operator ==` and `operator new []`, the index what stands in the text."""
    name = re.sub(r"\s+", "", name.split("::")[-1] if "operator" not in name else name)
    return name


def class_of(tag, lines, symbols):
    path, line, name, kind = tag
    near = [s for s in symbols if s[1] == name]
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    around = "\n".join(lines[max(0, line - 6):line + 6])
    if not symbols:
        return "file not indexed"
    if any(s[0] == line for s in near):
        kinds = {s[2] for s in near if s[0] == line}
        return "other kind: " + ",".join(sorted(kinds))
    if any(abs(s[0] - line) <= 12 and OURS.get(s[2]) == kind for s in near):
        return "other line"
    if not re.search(r"(?<![\w~])" + re.escape(name.replace("operator", "")).strip(), here.replace(" ", "")) \
            and name not in here.replace(" ", ""):
        return "name is not on that line"
    if re.search(r"^\s*#\s*define", here) or re.search(r"\\\s*$", here):
        return "inside a macro's text"
    if re.search(r"^\s*(?:[A-Z][A-Z0-9_]{2,}\s*\()", here):
        return "macro call read as a definition"
    if re.search(r"^\s*(?:static\s+|inline\s+|extern\s+)*[A-Z][A-Z0-9_]{3,}\b", here):
        return "macro before the name"
    if "#if" in around or "#else" in around:
        return "beside conditional compilation"
    return "missing"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index_bench")
    parser.add_argument("folder")
    parser.add_argument("--language", choices=sorted(KINDS), required=True)
    parser.add_argument("--list", help="print the tags of this class of difference")
    parser.add_argument("--minimum", type=float, default=98.0)
    arguments = parser.parse_args()

    ours = ours_of(os.path.abspath(arguments.index_bench), arguments.folder)
    here = {path: {(s[0], s[1], OURS.get(s[2])) for s in symbols}
            for path, symbols in ours.items()}
    listed = subprocess.run(["git", "ls-files"], cwd=arguments.folder, capture_output=True, text=True)
    files = listed.stdout.splitlines() or [
        os.path.relpath(os.path.join(root, name), arguments.folder)
        for root, _, names in os.walk(arguments.folder) for name in names]
    total, found = collections.Counter(), collections.Counter()
    classes = collections.Counter()
    examples = collections.defaultdict(list)
    texts = {}
    for path, line, name, kind, _ in ctags_of(arguments.folder, arguments.language, sorted(files)):
        tag = (path, line, same_name(name), kind)
        total[kind] += 1
        if (line, tag[2], kind) in here.get(path, ()):
            found[kind] += 1
            continue
        if path not in texts:
            with open(os.path.join(arguments.folder, path), encoding="utf-8",
                      errors="replace") as file:
                texts[path] = file.read().splitlines()
        why = class_of(tag, texts[path], ours.get(path, []))
        classes[why] += 1
        examples[why].append(f"{path}:{line} {name} ({kind})")
    for kind in total:
        print(f"{kind:9} ctags {total[kind]:7}  found {found[kind]:7}  "
              f"{100 * found[kind] / total[kind]:.2f} %")
    n_total, n_found = sum(total.values()), sum(found.values())
    share = 100 * n_found / n_total if n_total else 0
    print(f"{'all':9} ctags {n_total:7}  found {n_found:7}  {share:.2f} %")
    for why, count in classes.most_common():
        print(f"  {count:6}  {100 * count / n_total:5.2f} %  {why}: {examples[why][0]}")
        if arguments.list == why:
            print("\n".join("          " + e for e in examples[why]))
    return 0 if share >= arguments.minimum else 1


if __name__ == "__main__":
    sys.exit(main())
