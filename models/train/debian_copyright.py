"""Which licence covers a file of a Debian source package, and whether it is permissive.

Reads machine-readable copyright files (DEP-5): patterns are paths of the source tree, and the last
stanza that matches a file is the one that covers it.
"""
import fnmatch
import functools
import re

# Short names as Debian's copyright files spell them. Licences that ask for more than to keep
# their notice (copyleft, advertising clauses, field of use) are not in here.
PERMISSIVE = re.compile(
    r"(expat|x11|isc|0bsd|zlib|libpng|ntp|curl|unlicense|psf|icu|unicode|ncsa|postgresql|hpnd|tcl|"
    r"mit([-~_/.][\w.~-]*)?|expat-[\w.~-]*|x11[-~_][\w.~-]*|isc[-~_+][\w.~-]*|zlib[-~_/][\w.~-]*|"
    r"bsd|bsd[-~_.]?[0123]([-~_. ]?clauses?)?([-~_.][\w.~-]*)?|bsd[-~_](like|style|variant)|"
    r"apache|apache[-~_ ]?(v)?2(\.0)?([-~_ ]?with[-~_ ]llvm[-~_ ]exceptions?)?|apl-?2(\.0)?|asl-?2(\.0)?|"
    r"psf-?[\w.]*|python(-[\w.]*)?|python-software-foundation[\w.-]*|"
    r"bsl([-~_]?1(\.0)?)?|boost([-~_](software[-~_]license[-~_])?1(\.0)?)?|"
    r"cc0([-~_]?1(\.0)?)?|public[-~_ ]domain|wtfpl([-~_]?2)?|unicode[\w.-]*|blueoak-1\.0\.0|"
    r"suncustom|openldap-2\.8|olap-2\.8|hpnd[-~_][\w.~-]*|edl-1\.0)$", re.I)
NOT_PERMISSIVE = re.compile(
    r"4[-~_ ]?clause|protection|gpl|mpl|cddl|nvidia|proprietary|amazon|advert|restrict|whitelist|"
    r"non-?commercial|not-permissive", re.I)


def read_fields(paragraph):
    """{lower-case name: lines of the value} of one paragraph of a Debian control file."""
    fields, name = {}, None
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            if name:
                fields[name].append(line.strip())
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = [value.strip()]
    return fields


def pattern_of(glob):
    """DEP-5: * and ? also match a slash, \\ escapes, all else is itself."""
    out = []
    glob = re.sub(r"^\./", "", glob)
    for token in re.findall(r"\\.|.", glob):
        if token == "*":
            out.append(".*")
        elif token == "?":
            out.append(".")
        else:
            out.append(re.escape(token[-1]))
    return "".join(out)


def read_stanzas(text):
    """[(compiled pattern, licence short name, globs)] in file order; empty when not machine-readable."""
    if not re.match(r"\s*(#.*\n\s*)*Format(-Specification)?\s*:", text, re.I):
        return []
    stanzas = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields = read_fields(paragraph)
        if "files" not in fields:
            continue
        globs = " ".join(fields["files"]).replace(",", " ").split()
        if not globs:
            continue
        # Some copyright files name a folder where the format wants its files.
        alternatives = "|".join(p + "(/.*)?" if not p.endswith(".*") else p
                                for p in map(pattern_of, globs))
        licence = fields.get("license", [""])[0]
        globs = [re.sub(r"^\./", "", glob) for glob in globs]
        stanzas.append((re.compile("(?:" + alternatives + r")\Z", re.S), licence, globs))
    return stanzas


def licence_of(stanzas, path):
    for pattern, licence, _ in reversed(stanzas):
        if pattern.match(path):
            return licence
    return None


def licence_of_installed(stanzas, path):
    """The same for the path of an *installed* file, which is the tail of its source path or close.

    Compares by tails: `src/vendor/x/*` covers any file below a folder x. None unless all stanzas
    that could cover the file are permissive; that leaves out more than necessary, never less.
    """
    found = None
    for _, licence, globs in stanzas:
        if any(could_cover(glob, path) for glob in globs if not glob.startswith("debian/")):
            if not is_permissive(licence):
                return None
            found = licence
    return found


def tails(path):
    parts = path.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]


def could_cover(glob, installed_path):
    if glob in ("*", "."):
        return True
    if glob.endswith("/"):
        glob += "*"
    return any(fnmatch.fnmatchcase(path, tail) for tail in tails(glob) if tail.strip("*/?.")
               for path in tails(installed_path))


# From the loosest to the tightest: "A or B, and C" is (A or B) and C.
OPERATORS = ((r",\s*or\b", any), (r",\s*and\b|,", all), (r"\bor\b|\|", any), (r"\band\b", all))


@functools.lru_cache(maxsize=4096)
def is_permissive(licence):
    """True for a short name made of permissive names only, or that offers such a choice."""
    licence = licence.strip()
    inner = re.search(r"\(([^()]*)\)", licence)
    while inner:  # the innermost parentheses become one name that says what they are worth
        worth = "expat" if is_permissive(inner[1]) else "not-permissive"
        licence = f"{licence[:inner.start()]} {worth} {licence[inner.end():]}".strip()
        inner = re.search(r"\(([^()]*)\)", licence)
    for operator, combine in OPERATORS:
        parts = re.split(operator, licence, flags=re.I)
        if len(parts) > 1:
            return combine(is_permissive(part) for part in parts if part.strip())
    return bool(PERMISSIVE.match(licence)) and not NOT_PERMISSIVE.search(licence)


def has_permissive(stanzas):
    return any(is_permissive(licence) for _, licence, _ in stanzas)
