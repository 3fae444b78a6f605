#!/usr/bin/env python3
"""Every header compiles alone, with the flags its own module is compiled with.

  check_headers.py --build BUILD_DIR [--root DIR] [--jobs 2] [--all]
  check_headers.py --self-test

Flags come from BUILD_DIR/compile_commands.json. A header whose text, flags and included headers of ours
are unchanged since it last passed is not compiled again (BUILD_DIR/header_check.json); --all ignores that.
Headers of engine/cuda are a counted skip where the build has no CUDA.
"""
import argparse
import concurrent.futures
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = ["base", "repoindex", "engine", "lsp", "agent", "daemon", "tests/support"]
HEADER_SUFFIXES = {".h", ".hpp"}
COMPILE_TIMEOUT_S = 240
TWO_WORD_FLAGS = {"-I", "-isystem", "-D", "-include", "-iquote"}


def file_digest(path):
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return "absent"


def front_end_flags(command):
    """Keeps compiler, language standard, defines, include paths and warnings; drops output and code generation."""
    words = shlex.split(command)
    if Path(words[0]).name == "ccache":
        words = words[1:]
    kept, index = [words[0]], 1
    while index < len(words):
        word = words[index]
        if word in TWO_WORD_FLAGS and index + 1 < len(words):
            kept += [word, words[index + 1]]
            index += 2
            continue
        if word.startswith(("-I", "-isystem", "-D", "-std=", "-m", "-W", "-U")) and not word.startswith(("-MF", "-MT")):
            kept.append(word)
        index += 1
    return kept


def flags_by_folder(build, root):
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = Path(entry["directory"], entry["file"]).resolve()
        if file.suffix != ".cpp" or not file.is_relative_to(root):
            continue
        command = entry.get("command") or shlex.join(entry["arguments"])
        flags.setdefault(file.parent.relative_to(root).as_posix(), (entry["directory"], front_end_flags(command)))
    return flags


def flags_for(header, flags):
    """The flags of the header's folder, or of the nearest one that shares its module."""
    folder = header.parent.as_posix()
    while folder not in (".", ""):
        for known in sorted(flags):
            if known == folder or known.startswith(folder + "/"):
                return flags[known]
        folder = Path(folder).parent.as_posix()
    return None


def compile_alone(root, header, directory, flags):
    """Returns (error text or None, headers of ours it read)."""
    with tempfile.TemporaryDirectory() as folder:
        unit, dependencies = Path(folder) / "alone.cpp", Path(folder) / "alone.d"
        # Twice: the second time shows a missing include guard.
        unit.write_text(f'#include "{header.as_posix()}"\n#include "{header.as_posix()}"\n')
        command = flags + ["-fsyntax-only", f"-I{root}", "-MMD", "-MF", str(dependencies), str(unit)]
        try:
            done = subprocess.run(command, cwd=directory if Path(directory).is_dir() else root, text=True,
                                  capture_output=True, timeout=COMPILE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"no answer from the compiler within {COMPILE_TIMEOUT_S} s", []
        if done.returncode != 0:
            return "\n".join(done.stderr.splitlines()[:12]), []
        words = dependencies.read_text().replace("\\\n", " ").split()[1:] if dependencies.exists() else []
        ours = sorted({str(path) for path in (Path(word).resolve() for word in words) if path.is_relative_to(root)})
        return None, ours


def check(root, build, jobs, ignore_cache):
    root = root.resolve()
    if not (build / "compile_commands.json").is_file():
        print(f"{build}/compile_commands.json is missing: configure with CMAKE_EXPORT_COMPILE_COMMANDS=ON", file=sys.stderr)
        return 1
    flags = flags_by_folder(build, root)
    cache_file = build / "header_check.json"
    try:
        cache = {} if ignore_cache else json.loads(cache_file.read_text())
    except (OSError, ValueError):
        cache = {}
    headers = sorted(file.relative_to(root) for module in MODULES for file in (root / module).rglob("*")
                     if file.suffix in HEADER_SUFFIXES and "node_modules" not in file.parts)
    fresh, todo, skipped = {}, [], 0
    for header in headers:
        found = flags_for(header, flags)
        if found is None or (header.as_posix().startswith("engine/cuda/") and "engine/cuda" not in flags):
            skipped += 1
            continue
        directory, words = found
        key = hashlib.sha256(shlex.join(words).encode()).hexdigest()
        known = cache.get(header.as_posix())
        if known and known["flags"] == key and all(file_digest(path) == digest for path, digest in known["files"].items()):
            fresh[header.as_posix()] = known
        else:
            todo.append((header, directory, words, key))
    failures = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        runs = {pool.submit(compile_alone, root, header, directory, words): (header, key) for header, directory, words, key in todo}
        for run in concurrent.futures.as_completed(runs):
            header, key = runs[run]
            error, files = run.result()
            if error:
                failures.append(f"{header}: does not compile alone:\n{error}")
            else:
                fresh[header.as_posix()] = {"flags": key, "files": {path: file_digest(path) for path in files}}
                # At once, so that an interrupted run need not begin anew.
                cache_file.write_text(json.dumps(fresh))
    cache_file.write_text(json.dumps(fresh))
    for failure in sorted(failures):
        print(failure, file=sys.stderr)
    print(f"headers: {len(headers)} found, {len(todo)} compiled, {len(headers) - len(todo) - skipped} unchanged, "
          f"{skipped} skipped (module not in this build), {len(failures)} not self-contained")
    return 1 if failures else 0


def self_test():
    """A header that leans on its includer must fail, a fixed one must pass, and the cache must notice a dependency."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        root, build = Path(folder) / "tree", Path(folder) / "build"
        (root / "base").mkdir(parents=True)
        build.mkdir()
        (root / "base" / "one.cpp").write_text("")
        (root / "base" / "low.h").write_text("#pragma once\n#include <string>\n")
        command = f"c++ -std=c++20 -I{root} -c {root}/base/one.cpp -o one.o"
        (build / "compile_commands.json").write_text(
            json.dumps([{"directory": str(build), "command": command, "file": f"{root}/base/one.cpp"}]))

        def expect(what, status):
            if check(root, build, 1, False) != status:
                wrong.append(what)

        header = root / "base" / "leaning.h"
        header.write_text("#pragma once\ninline std::string leaning() { return {}; }\n")
        expect("a header without its include passed", 1)
        header.write_text('#pragma once\n#include "base/low.h"\ninline std::string leaning() { return {}; }\n')
        expect("a self-contained header failed", 0)
        (root / "base" / "low.h").write_text("#pragma once\n")
        expect("the cache did not notice that an included header changed", 1)
        header.write_text("struct Twice {};\n")
        expect("a header without include guard passed", 1)
        header.unlink()
        expect("an empty rest failed", 0)
    for what in wrong:
        print(what, file=sys.stderr)
    print(f"headers self-test: 5 expectations, {len(wrong)} wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.build is None:
        parser.error("--build BUILD_DIR is needed")
    return check(arguments.root, arguments.build.resolve(), arguments.jobs, arguments.all)


if __name__ == "__main__":
    sys.exit(main())
