#!/usr/bin/env python3
"""Who may include whom: reads the includes of every module and compares them with the tables below.

  check_layers.py [--root DIR]     exit 0 and one line of figures, or 1 and one line per violation
  check_layers.py --self-test      plants one violation of each rule and expects each to be found

The tables are the design's (ARCHITECTURE.md); adding an edge to them is an architectural decision.
Comments and string literals are blanked first, so prose about a rule cannot break it.
"""
import argparse
import re
import sys
import tempfile
from pathlib import Path

# Module -> path prefixes it may include besides its own folder.
ALLOWED_INCLUDES = {
    "base": [],
    "repoindex": ["base/"],
    "engine": ["base/"],
    "lsp": ["base/"],
    "agent": ["base/", "repoindex/", "engine/api/"],
    "daemon": ["base/", "repoindex/", "engine/", "lsp/", "agent/"],
}

# (what it is, include pattern, prefixes where it is welcome)
CONFINED_HEADERS = [
    ("tree-sitter", r"tree_sitter/|tree-sitter", ["repoindex/parse/"]),
    ("libgit2", r"git2(\.h|/)", ["repoindex/git/"]),
    ("CUDA", r"(cuda|cublas|cudnn|nccl|nvrtc|nvtx|cub/|thrust/|cooperative_groups|mma\.h)", ["engine/cuda/"]),
    ("Boost.Asio and Boost.Beast", r"boost/(asio|beast)", ["lsp/", "daemon/"]),
    ("OpenSSL", r"(openssl/|boost/asio/ssl)", ["daemon/net/"]),
]

# The one JSON header that a header may name; the full one costs five seconds a file.
HEAVY_JSON = re.compile(r"nlohmann/(?!json_fwd\.hpp)")
ENVIRONMENT_ACCESS = re.compile(r"\b(?:secure_)?getenv\s*\(|\b(?:setenv|unsetenv|putenv)\s*\(|(?<![\w.>])environ\b(?!\s*\()")

SOURCE_SUFFIXES = {".h", ".hpp", ".cpp", ".c", ".cc", ".cu", ".cuh", ".inc"}
HEADER_SUFFIXES = {".h", ".hpp", ".cuh"}
# Made by CMake into the build folder, so they have no path from the root.
GENERATED_SUFFIX = ".inc"
INCLUDE_LINE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'  # comments, raw and plain strings
    r"'(?:\\.[^'\n]*|[^'\\\n])'",  # character literals
    re.DOTALL)
# Two types of one name in one namespace are one type to the linker, whichever it finds first.
NAMESPACE = re.compile(r"^namespace (engramd(?:::\w+)*) \{", re.MULTILINE)
ANONYMOUS = re.compile(r"^namespace \{$.*?^\}  // namespace$", re.MULTILINE | re.DOTALL)
TYPE_DEFINITION = re.compile(r"^(?:struct|class) (\w+)(?: final)?(?: : [^;{]*)? \{", re.MULTILINE)
MODULE_DECLARATION = re.compile(r"add_engramd_module\(\s*(\w+)(.*?)\)", re.DOTALL)


def blank(text, keep_strings):
    """Replaces comments (and string literals) by spaces, keeping every newline in its place."""

    def replace(match):
        token = match.group(0)
        if keep_strings and token[0] in "\"'":
            return token
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def under(path, prefixes):
    return any(path.startswith(prefix) for prefix in prefixes)


def check_file(path, text):
    """Yields (line, message) for one file; path is root-relative."""
    module = path.split("/", 1)[0]
    is_header = Path(path).suffix in HEADER_SUFFIXES
    code = blank(text, keep_strings=True)
    for match in INCLUDE_LINE.finditer(code):
        line = line_of(code, match.start())
        quoted, angled = match.group(1), match.group(2)
        target = quoted or angled
        first = target.split("/", 1)[0]
        if target.startswith(".") or "/../" in target:
            yield line, f'includes "{target}": includes are relative to the repository root'
            continue
        if first in ALLOWED_INCLUDES:
            if not under(target, [module + "/"] + ALLOWED_INCLUDES[module]):
                allowed = ", ".join(ALLOWED_INCLUDES[module]) or "nothing of ours"
                yield line, f'includes "{target}": {module}/ may include its own files and {allowed}'
        elif quoted and "/" not in target and not target.endswith(GENERATED_SUFFIX):
            yield line, f'includes "{target}": write the path from the repository root, or <> for a library'
        for name, pattern, homes in CONFINED_HEADERS:
            if first not in ALLOWED_INCLUDES and re.match(pattern, target) and not under(path, homes):
                yield line, f"includes <{target}>: {name} is known only in {', '.join(homes)}"
        if is_header and HEAVY_JSON.match(target):
            yield line, f"includes <{target}>: in a header only <nlohmann/json_fwd.hpp>"
    if module != "base":
        for match in ENVIRONMENT_ACCESS.finditer(blank(text, keep_strings=False)):
            yield line_of(text, match.start()), f"uses {match.group(0).rstrip('( ')}: the environment is read through base/environment.h"


def check_build_file(path, text):
    """The USES list of a module may not promise more than the table."""
    text = re.sub(r"#[^\n]*", "", text)
    for match in MODULE_DECLARATION.finditer(text):
        name, arguments = match.group(1), match.group(2)
        if name not in ALLOWED_INCLUDES:
            continue
        uses = re.search(r"\bUSES\b(.*?)(?:\bLINK\b|\bEXCLUDE\b|$)", arguments, re.DOTALL)
        allowed = {prefix.split("/")[0] for prefix in ALLOWED_INCLUDES[name]}
        for used in uses.group(1).split() if uses else []:
            if used not in allowed:
                yield line_of(text, match.start()), f"module {name} declares USES {used}, which the layer table forbids"


def defined_types(text):
    """Yields (qualified name, offset) of the types that a file defines in named namespaces."""
    # Formatted code: what is defined in an anonymous namespace lies between these two lines.
    code = ANONYMOUS.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    code = blank(code, keep_strings=False)
    namespaces = NAMESPACE.findall(code)
    if not namespaces:
        return
    for match in TYPE_DEFINITION.finditer(code):
        yield namespaces[0] + "::" + match.group(1), match.start()


def check_tree(root):
    violations, files, includes = [], 0, 0
    types = {}  # qualified name -> where it was first defined
    for module in ALLOWED_INCLUDES:
        for file in sorted((root / module).rglob("*")):
            parts = file.relative_to(root).parts
            if not file.is_file() or "node_modules" in parts:
                continue
            path = "/".join(parts)
            if file.name == "CMakeLists.txt":
                found = check_build_file(path, file.read_text(errors="replace"))
            elif file.suffix in SOURCE_SUFFIXES:
                text = file.read_text(errors="replace")
                files += 1
                includes += len(INCLUDE_LINE.findall(text))
                found = list(check_file(path, text))
                for name, offset in defined_types(text):
                    first = types.setdefault(name, path)
                    if first != path:
                        found.append((line_of(text, offset), f"defines {name}, which {first} defines too: the linker keeps one and says nothing"))
            else:
                continue
            violations += [f"{path}:{line}: {message}" for line, message in found]
    return violations, files, includes


TWICE = "namespace engramd::agent {\nstruct Word {\n};\n}\n"

# path, text, a word the message must contain (None: the file is fine)
PLANTED = [
    ("base/up.h", '#include "repoindex/view.h"\n', "base/ may include"),
    ("repoindex/model.cpp", '#include "engine/api/model.h"\n', "repoindex/ may include"),
    ("engine/file.cpp", '#include "repoindex/view.h"\n', "engine/ may include"),
    ("engine/angled.cpp", "#include <repoindex/view.h>\n", "engine/ may include"),
    ("lsp/feature.cpp", '#include "agent/loop/loop.h"\n', "lsp/ may include"),
    ("agent/kernel.cpp", '#include "engine/cpu/matmul.h"\n', "agent/ may include"),
    ("agent/protocol.cpp", '#include "lsp/messages.h"\n', "agent/ may include"),
    ("agent/main.cpp", '#  include   "daemon/cli/command.h"\n', "agent/ may include"),
    ("repoindex/search/tree.cpp", "#include <tree_sitter/api.h>\n", "tree-sitter is known only"),
    ("repoindex/view.cpp", "#include <git2.h>\n", "libgit2 is known only"),
    ("engine/cpu/device.cpp", "#include <cuda_runtime.h>\n", "CUDA is known only"),
    ("agent/http.cpp", "#include <boost/asio.hpp>\n", "Boost.Asio"),
    ("lsp/tls.cpp", "#include <openssl/ssl.h>\n", "OpenSSL is known only"),
    ("daemon/serve.cpp", "#include <boost/asio/ssl.hpp>\n", "OpenSSL is known only"),
    ("lsp/messages.h", "#include <nlohmann/json.hpp>\n", "json_fwd"),
    ("agent/where.cpp", 'auto home = std::getenv("HOME");\n', "environment"),
    ("daemon/all.cpp", "for (char** e = environ; *e; ++e) {}\n", "environment"),
    ("daemon/dots.cpp", '#include "../base/file.h"\n', "relative to the repository root"),
    ("daemon/near.cpp", '#include "settings.h"\n', "write the path"),
    ("engine/CMakeLists.txt", "add_engramd_module(engine USES base repoindex LINK x)\n", "declares USES repoindex"),
    ("agent/twice.h", TWICE, "defines engramd::agent::Word, which"),
    ("base/environment.cpp", 'auto home = std::getenv("HOME");\n', None),
    ("daemon/good.cpp", '#include "engine/cpu/matmul.h"\n#include <boost/asio.hpp>\n#include <nlohmann/json.hpp>\n', None),
    ("agent/good.cpp", '#include "engine/api/model.h"\n#include "repoindex/view.h"\n#include <nlohmann/json.hpp>\n', None),
    ("lsp/good.h", "#include <nlohmann/json_fwd.hpp>\n#include <string>\n", None),
    ("repoindex/parse/good.cpp", '#include <tree_sitter/api.h>\n', None),
    ("agent/generated.cpp", '#include "plugin_text.inc"\n', None),
    ("repoindex/git/good.cpp", "#include <git2.h>\n", None),
    ("engine/cuda/good.cu", "#include <cuda_runtime.h>\n", None),
    ("daemon/net/good.cpp", "#include <openssl/ssl.h>\n", None),
    ("agent/prose.cpp", '// #include "daemon/main.h"\n/*\n#include "lsp/x.h"\n*/\n// getenv("X")\nauto s = "getenv(";\n'
     'auto r = R"(\n#include "daemon/y.h"\n)";\nchar q = '"'; char r = '"';\nint environment();\nPlan(task.environ());\n', None),
    ("agent/CMakeLists.txt", "add_engramd_module(agent USES base repoindex engine LINK nlohmann)\n", None),
]


def self_test():
    failures = []
    for path, text, expected in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_text(text)
            if text == TWICE:  # its other half
                (file.parent / "again.h").write_text(text)
            violations, _, _ = check_tree(Path(folder))
        if expected is None and violations:
            failures.append(f"{path}: is fine, but was reported: {violations}")
        if expected is not None and not any(expected in violation for violation in violations):
            failures.append(f"{path}: planted violation of '{expected}' was not reported (got {violations})")
    for failure in failures:
        print(failure, file=sys.stderr)
    planted = sum(1 for _, _, expected in PLANTED if expected)
    print(f"layers self-test: {planted} planted violations, {len(PLANTED) - planted} clean files, {len(failures)} wrong")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    violations, files, includes = check_tree(arguments.root)
    for violation in violations:
        print(violation, file=sys.stderr)
    if files == 0:
        print(f"no source files under {arguments.root}: expected the modules {', '.join(ALLOWED_INCLUDES)}", file=sys.stderr)
        return 1
    print(f"layers: {files} files, {includes} includes, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
