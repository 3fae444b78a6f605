"""Collects the training, dev and test source files from named Debian *source* packages.

Owns which package is read and which of its files become documents. Every package goes through
two steps, each of which leaves one file in the cache folder and is not repeated when it is there:

  fetch   a source package, by apt -> candidates/<name>.jsonl: each file that passes the text
          filters (source_filters.py) and that a permissive stanza of debian/copyright covers
          (debian_copyright.py). Where the mirror lacks an archive, the source text in the binary
          packages stands in for it.
  choose  candidates -> docs/{test,dev,train}.jsonl: test first, then dev, then train, so that a
          training file that repeats a held-out one is the one that is dropped

Writes corpus-manifest.json (per package) to the cache folder, and corpus-files.txt.xz: below a line
"# USE PACKAGE" one line per file with the start of its SHA-256 and its licence, in order of path.

  collect_corpus.py [--packages FILE] [--cache FOLDER] [--fetch-only | --choose-only]
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import lzma
import pathlib
import re
import subprocess
import tarfile

import corpus_settings as settings
import debian_copyright
import source_filters

CODECS = {".xz": ["xz", "-dc"], ".gz": ["gzip", "-dc"], ".bz2": ["bzip2", "-dc"],
          ".lzma": ["xz", "-dc"]}


def read_packages(path):
    """[(use, main language, source package)]: test, dev, train, each in the order of the file."""
    rows = [line.split() for line in path.read_text().splitlines()
            if line.strip() and not line.startswith("#")]
    return sorted(rows, key=lambda row: settings.USES.index(row[0]))


# ---------------------------------------------------------------- asking apt

def apt(cache, *words, cwd=None):
    """apt-get with lists of its own, so that source packages need no change to this machine."""
    own = cache / "apt"
    return subprocess.run(
        ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={own / 'sources.list'}",
         "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::Lists={own / 'lists'}",
         "-o", "APT::Sandbox::User=root", *words], cwd=cwd, capture_output=True, text=True)


def set_up_apt(cache):
    """Lists of source and binary packages of the Debian release this machine is set up with."""
    own = cache / "apt"
    (own / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    if (own / "sources.list").exists():
        return
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
         "Created-By: Packages"], capture_output=True, text=True, check=True).stdout.splitlines()
    for line in targets:
        address, suite, component, origin = (line.split() + [""] * 4)[:4]
        if component == "main" and origin == "Debian" and "-" not in suite:
            break
    else:
        raise SystemExit("apt knows no Debian repository with a component main")
    (own / "sources.list").write_text(f"deb {address} {suite} main\ndeb-src {address} {suite} main\n")
    if apt(cache, "update").returncode != 0:
        (own / "sources.list").unlink()
        raise SystemExit("apt-get update failed")


def read_list(cache, end):
    path = next((cache / "apt" / "lists").glob("*" + end + "*"))
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(path)],
                          capture_output=True, check=True).stdout.decode()
    for paragraph in text.split("\n\n"):
        fields = debian_copyright.read_fields(paragraph)
        if "package" in fields:
            yield fields


def load_index(cache):
    """{source package: {version, archives: [(bytes, name)], binaries: [(bytes, name)]}}"""
    kept = cache / "sources.json"
    if kept.exists():
        return json.loads(kept.read_text())
    set_up_apt(cache)
    sizes = {f["package"][0]: int(f["size"][0]) for f in read_list(cache, "_Packages")}
    packages = {}
    for fields in read_list(cache, "_Sources"):
        files = [line.split() for line in fields["checksums-sha256"] if line]
        binaries = [b for b in re.split(r"[,\s]+", " ".join(fields["binary"])) if b in sizes]
        packages[fields["package"][0]] = {
            "version": fields["version"][0],
            "archives": [(int(n), name) for _, n, name in files
                         if ".tar." in name and name.endswith(tuple(CODECS))],
            "binaries": [(sizes[b], b) for b in binaries]}
    kept.write_text(json.dumps(packages))
    return packages


# ---------------------------------------------------------------- fetching

def candidates_file(cache, name):
    return cache / "candidates" / (name + ".jsonl")


def missing_archives(cache, package):
    return [name for _, name in package["archives"] if not (cache / "archives" / name).exists()]


def binaries_to_read(cache, name, package):
    """Binary packages that stand in for archives which the mirror does not have.

    All that may hold source text when an upstream archive is missing; else the smallest, for its
    copy of the copyright file.
    """
    missing = missing_archives(cache, package)
    if not missing or not package["binaries"]:
        return []
    if all(".debian.tar." in m for m in missing):
        return [min(package["binaries"])[1]]
    return [b for n, b in package["binaries"] if n <= settings.MAX_BINARY_BYTES
            and (settings.BINARY_WITH_SOURCE.match(b) or b == name)
            and not settings.BINARY_WITHOUT_SOURCE.search(b)]


def fetch_group(cache, names, index):
    """Leaves in archives/ what apt can get of the named source packages."""
    folder = cache / "archives"
    def asked(name):
        return folder / (name + ".asked")

    wanted = [n for n in names if missing_archives(cache, index[n]) and not asked(n).exists()]
    if wanted:  # some files may be missing on a mirror: apt fetches the others all the same
        apt(cache, "source", "--download-only", *wanted, cwd=folder)
        for name in wanted:
            asked(name).touch()
    binaries = [b for n in names for b in binaries_to_read(cache, n, index[n])
                if not list(folder.glob(b + "_*.deb"))]
    if binaries:
        apt(cache, "download", *binaries, cwd=folder)


# ---------------------------------------------------------------- reading one package

def tar_members(command):
    """Yields (path, bytes, reader) of the files in the tar archive that the command writes."""
    unpack = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        with tarfile.open(fileobj=unpack.stdout, mode="r|", errorlevel=0) as archive:
            for member in archive:
                if member.isfile() and member.size <= settings.MAX_COPYRIGHT_BYTES:
                    yield (member.name.removeprefix("./"), member.size,
                           lambda: archive.extractfile(member).read())
    finally:
        unpack.stdout.close()
        unpack.terminate()
        unpack.wait()


def archive_members(path):
    return tar_members(CODECS[path.suffix] + [str(path)])


def binary_members(path):
    return tar_members(["dpkg-deb", "--fsys-tarfile", str(path)])


def component_of(archive_name):
    """Folder a further upstream archive is unpacked to: x_1.orig-abc.tar.gz -> "abc/"."""
    part = archive_name.partition(".orig")[2].partition(".tar")[0].removeprefix("-")
    return part + "/" if part else ""


def upstream_members(path):
    """The same with paths of the source tree: without the archive's own top folder."""
    component = component_of(path.name)
    for name, size, read in archive_members(path):
        rest = name.partition("/")[2]
        if rest:
            yield component + rest, size, read


def read_copyright(archives, binaries):
    """Text of debian/copyright, from the packaging, a native archive or a binary package."""
    packaging = [p for p in archives if ".debian.tar." in p.name]
    native = [p for p in archives if ".orig" not in p.name and p not in packaging]
    for path in packaging + native:
        for name, _, read in archive_members(path):
            if name == "debian/copyright" or name.partition("/")[2] == "debian/copyright":
                return read().decode("utf-8", "replace")
    for path in binaries:
        wanted = f"usr/share/doc/{path.name.partition('_')[0]}/copyright"
        for name, size, read in binary_members(path):
            if name == wanted:
                return read().decode("utf-8", "replace")
    return ""


def collect_candidates(members, licence_of, found):
    """Adds {path, language, licence, test, bytes, sha256, text} of each usable file to `found`."""
    total = collections.Counter()
    for name, size, read in members:
        if not source_filters.may_be_source(name, size):
            continue
        licence = licence_of(name)
        if licence is None or not debian_copyright.is_permissive(licence):
            continue
        raw = read()
        document = source_filters.read_document(name, raw)
        if document is None or total[document["language"]] > settings.MAX_CANDIDATE_BYTES:
            continue
        total[document["language"]] += len(raw)
        found.append({"path": name, "licence": licence,
                      "sha256": hashlib.sha256(raw).hexdigest(), **document})


def extract(cache, name, package):
    """Writes the candidates of one package; an empty file when its copyright is not in DEP-5.

    False when nothing could be fetched of it.
    """
    folder, target = cache / "archives", candidates_file(cache, name)
    if target.exists():
        return True
    archives = [folder / a for _, a in package["archives"] if (folder / a).exists()]
    binaries = [sorted(folder.glob(b + "_*.deb"))[-1]
                for b in binaries_to_read(cache, name, package) if list(folder.glob(b + "_*.deb"))]
    if not archives and not binaries:
        return False
    stanzas = debian_copyright.read_stanzas(read_copyright(archives, binaries))
    found = []
    if debian_copyright.has_permissive(stanzas):
        for path in archives:
            if ".debian.tar." not in path.name:
                collect_candidates(upstream_members(path),
                                   lambda p: debian_copyright.licence_of(stanzas, p), found)
        if not any(".debian.tar." not in a.name for a in archives):
            for path in binaries:
                collect_candidates(
                    binary_members(path),
                    lambda p: debian_copyright.licence_of_installed(stanzas, p), found)
    partial = target.with_suffix(".partial")
    with open(partial, "w") as out:
        for document in sorted(found, key=lambda d: d["path"]):
            out.write(json.dumps(document) + "\n")
    partial.rename(target)
    if not settings.KEEP_ARCHIVES:
        for path in archives + binaries:
            path.unlink(missing_ok=True)
    return True


def fetch_all(cache, rows):
    for folder in ("archives", "candidates"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    index = load_index(cache)
    absent = [name for _, _, name in rows if name not in index]
    if absent:
        print("not in this Debian:", *absent)
    sizes = {n: sum(f[0] for f in index[n]["archives"]) for _, _, n in rows if n in index}
    order = [row for row in rows if row[2] in index
             and not candidates_file(cache, row[2]).exists()
             and sizes[row[2]] <= settings.MAX_ARCHIVE_BYTES]
    # Held-out packages first, then those that give most text for their size on the wire.
    order.sort(key=lambda row: (row[0] == "train", sizes[row[2]] > settings.LARGE_ARCHIVE_BYTES,
                                -sizes[row[2]]))
    names = [row[2] for row in order]
    groups = [names[i:i + settings.GROUP] for i in range(0, len(names), settings.GROUP)]
    with concurrent.futures.ProcessPoolExecutor(settings.PROCESSES) as processes, \
            concurrent.futures.ThreadPoolExecutor(settings.DOWNLOADS) as downloads:
        fetches = {downloads.submit(fetch_group, cache, group, index): group for group in groups}
        extracts = {}
        for done in concurrent.futures.as_completed(fetches):
            done.result()
            for name in fetches[done]:
                extracts[processes.submit(extract, cache, name, index[name])] = name
        for done in concurrent.futures.as_completed(extracts):
            if done.exception() is not None:
                print(f"{extracts[done]}: {done.exception()}", flush=True)
            elif not done.result():
                print(f"{extracts[done]}: nothing of it on this mirror", flush=True)


# ---------------------------------------------------------------- which candidates are used

def hash_order(document):
    return hashlib.sha256((str(settings.SEED) + document["sha256"]).encode()).digest()


def choose_from_package(documents, seen, allowance):
    """Documents of one package within its caps, tests at most half of what is no test.

    Takes by hash order, so a package over its cap gives a random part of itself. `allowance` is
    the share of the bytes that each language may give (1 is the cap alone).
    """
    taken, bytes_of = [], collections.Counter()
    budget = collections.Counter()
    for document in documents:
        budget[document["language"]] += 0 if document["test"] else document["bytes"]
    for test in (False, True):
        for document in sorted((d for d in documents if d["test"] == test), key=hash_order):
            language = document["language"]
            code, tests = bytes_of[language, False], bytes_of[language, True]
            cap = min(settings.MAX_PACKAGE_BYTES, budget[language]) * allowance.get(language, 1.0)
            if test:
                cap = min(code * settings.TEST_SHARE_OF_CODE, settings.MAX_PACKAGE_BYTES)
            if (tests if test else code) + document["bytes"] > cap:
                continue
            if not seen.add_if_new(document["text"], document["sha256"]):
                continue
            bytes_of[language, test] += document["bytes"]
            taken.append(document)
    return sorted(taken, key=lambda d: d["path"])


def read_candidates(cache, name):
    path = candidates_file(cache, name)
    if not path.exists():
        return []
    with open(path) as lines:
        documents = [json.loads(line) for line in lines]
    return [d for d in documents if debian_copyright.is_permissive(d["licence"])]


def allowances(cache, rows):
    """{language: share of a training package's bytes to take} so that no language has too much."""
    have = collections.Counter()
    for use, _, name in rows:
        if use != "train":
            continue
        code, tests = collections.Counter(), collections.Counter()
        for document in read_candidates(cache, name):
            (tests if document["test"] else code)[document["language"]] += document["bytes"]
        for language, n in code.items():
            n = min(n, settings.MAX_PACKAGE_BYTES)
            have[language] += n + min(tests[language], n * settings.TEST_SHARE_OF_CODE)
    groups = collections.Counter()
    for language, n in have.items():
        groups[settings.SHARE_GROUP[language]] += n
    return {language: min(1.0, settings.LANGUAGE_SHARES[settings.SHARE_GROUP[language]]
                          * settings.TRAIN_BYTES / groups[settings.SHARE_GROUP[language]])
            for language in have}


def summary(use, name, version, language, documents):
    licences = collections.Counter(d["licence"] for d in documents)
    languages = collections.Counter()
    for document in documents:
        languages[document["language"]] += document["bytes"]
    return {"package": name, "version": version, "use": use, "language": language,
            "files": len(documents), "bytes": sum(languages.values()),
            "bytes_by_language": dict(sorted(languages.items())),
            "licences": dict(sorted(licences.items())),
            "sha256_of_sorted_file_sha256": hashlib.sha256(
                "\n".join(sorted(d["sha256"] for d in documents)).encode()).hexdigest()}


def write_file_list(out, use, name, documents):
    out.write(f"# {use} {name}\n")
    for document in documents:
        out.write(f"{document['sha256'][:16]} {document['licence']}\n")


def write_manifest(path, packages, totals):
    """One package a line, after the totals."""
    bytes_of = {use: {language: totals[use, language, False] + totals[use, language, True]
                      for language in sorted({k[1] for k in totals if k[0] == use})}
                for use in settings.USES}
    with open(path, "w") as out:
        out.write('{"bytes": ' + json.dumps(bytes_of) + ',\n"packages": [\n')
        out.write(",\n".join(json.dumps(row) for row in packages) + "\n]}\n")


def choose_all(cache, rows, docs):
    docs.mkdir(parents=True, exist_ok=True)
    index = load_index(cache)
    share = allowances(cache, rows)
    seen = source_filters.SeenBlocks()
    manifest, totals = [], collections.Counter()
    outputs = {use: open(docs / (use + ".jsonl.partial"), "w") for use in settings.USES}
    with lzma.open(cache / "corpus-files.txt.xz", "wt", preset=9) as files:
        for use, language, name in rows:
            documents = choose_from_package(read_candidates(cache, name), seen,
                                            share if use == "train" else {})
            if not documents:
                continue
            write_file_list(files, use, name, documents)
            for document in documents:
                outputs[use].write(json.dumps(
                    {"language": document["language"], "package": name, "path": document["path"],
                     "text": document["text"]}) + "\n")
                totals[use, document["language"], document["test"]] += document["bytes"]
            manifest.append(summary(use, name, index[name]["version"], language, documents))
    for use, out in outputs.items():
        out.close()
        pathlib.Path(out.name).rename(docs / (use + ".jsonl"))
    write_manifest(cache / "corpus-manifest.json", manifest, totals)
    for use in settings.USES:
        for language in sorted({key[1] for key in totals if key[0] == use}):
            code, tests = totals[use, language, False], totals[use, language, True]
            print(f"{use:5} {language:10} {(code + tests) / 1e6:8.2f} MB, "
                  f"{tests / 1e6:.2f} MB of it tests")
    print(f"{seen.exact} exact and {seen.near} near duplicates left out; "
          f"{len(manifest)} packages used of {len(rows)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=pathlib.Path, default=settings.PACKAGES_FILE)
    parser.add_argument("--cache", type=pathlib.Path, default=settings.CACHE_FOLDER)
    parser.add_argument("--docs", type=pathlib.Path, help="default: docs in the cache folder")
    parser.add_argument("--fetch-only", action="store_true")
    parser.add_argument("--choose-only", action="store_true")
    arguments = parser.parse_args()
    rows = read_packages(arguments.packages)
    if not arguments.choose_only:
        fetch_all(arguments.cache, rows)
    if not arguments.fetch_only:
        choose_all(arguments.cache, rows, arguments.docs or arguments.cache / "docs")


if __name__ == "__main__":
    main()
