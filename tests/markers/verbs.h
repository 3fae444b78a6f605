// tests/markers/verbs.h - what a "//? " line may ask: one function and one row of the table each.
//
//   //? definition -> run                 exactly the ranges called run
//   //? definition@other first a, b       asked where the range "other" begins
//   //? references -> nothing
//   //? hover contains "def run()"        JSON strings
//   //? symbols -> class A{method b}, function c
//   //? search run -> run                 workspace/symbol; names of ranges, or kind and name after
//   //? search run names -> function run
//   //? completion has run, walk
//   //? signature -> "def f(a, [b])"      the active parameter in brackets; all: a line each
//   //? hints -> width=1, height=2        inlay hints, each with its argument behind it
//   //? rename walk -> run                edits exactly these ranges, to "walk"
//   //? callers -> main, app.py           who calls it: ranges of names, or a file by its path
//   //? calls-of -> use                   the calls themselves; calls-in: those inside it
//   //? called -> helper                  what it calls
//   //? supertypes -> Base                subtypes the same
//   //? folding -> 1-4, 6-9               lines counted from 1
//   //? diagnostics -> bad                the ranges
//   //? diagnostics text contains "expected"
//   //? selection -> word, call, statement   from the innermost; "first" for the first of them
//   //? tokens has function run, variable.readonly x
//   //? tokens range -> variable x         those of the cursor's line
//   //? highlights -> a, b                 or: highlights write -> a
//   //? linked -> open, close
//   //? links -> url                       or: links targets -> core.py, https://a.org
//   //? type "x = 1\n"                    edits: inserts at the cursor, which moves behind it
//   //? ask textDocument/hover {"more": 1} /contents/kind -> "markdown"
//   //? ask-wrongly workspace/symbol {"query": 1} /error/code -> -32602
//
// To add a verb: write the function in a verbs_*.cpp of its own, declare it below, add its row.
#pragma once

#include <string>

#include "tests/markers/run.h"

namespace engramd::test {

// Asks and compares; returns what is wrong, or nothing. May throw: that is a failure too.
using Verb = std::string (*)(Run& run, const Question& question);

struct VerbRow {
  const char* name;
  Verb verb;
};

// Places: verbs_places.cpp
std::string ask_definition(Run&, const Question&);
std::string ask_declaration(Run&, const Question&);
std::string ask_type_definition(Run&, const Question&);
std::string ask_implementation(Run&, const Question&);
std::string ask_references(Run&, const Question&);
std::string ask_uses(Run&, const Question&);
std::string ask_search(Run&, const Question&);
std::string ask_rename(Run&, const Question&);
// Hierarchies: verbs_hierarchy.cpp
std::string ask_callers(Run&, const Question&);
std::string ask_called(Run&, const Question&);
std::string ask_calls_of(Run&, const Question&);
std::string ask_calls_in(Run&, const Question&);
std::string ask_supertypes(Run&, const Question&);
std::string ask_subtypes(Run&, const Question&);
// One document: verbs_document.cpp
std::string ask_hover(Run&, const Question&);
std::string ask_symbols(Run&, const Question&);
std::string ask_completion(Run&, const Question&);
std::string ask_folding(Run&, const Question&);
std::string ask_diagnostics(Run&, const Question&);
// While typing: verbs_typing.cpp
std::string ask_signature(Run&, const Question&);
std::string ask_hints(Run&, const Question&);
// Exact from syntax: verbs_syntax.cpp
std::string ask_selection(Run&, const Question&);
std::string ask_tokens(Run&, const Question&);
std::string ask_highlights(Run&, const Question&);
std::string ask_linked(Run&, const Question&);
std::string ask_links(Run&, const Question&);
// Anything: verbs_any.cpp
std::string ask_any(Run&, const Question&);
std::string ask_wrongly(Run&, const Question&);
std::string type_text(Run&, const Question&);
std::string close_document(Run&, const Question&);

inline constexpr VerbRow kVerbs[] = {
    {"definition", ask_definition},
    {"declaration", ask_declaration},
    {"type-definition", ask_type_definition},
    {"implementation", ask_implementation},
    {"references", ask_references},  // with the declaration
    {"uses", ask_uses},              // references without it
    {"search", ask_search},
    {"rename", ask_rename},
    {"callers", ask_callers},
    {"called", ask_called},
    {"calls-of", ask_calls_of},
    {"calls-in", ask_calls_in},
    {"supertypes", ask_supertypes},
    {"subtypes", ask_subtypes},
    {"hover", ask_hover},
    {"symbols", ask_symbols},
    {"completion", ask_completion},
    {"signature", ask_signature},
    {"hints", ask_hints},
    {"folding", ask_folding},
    {"diagnostics", ask_diagnostics},
    {"selection", ask_selection},
    {"tokens", ask_tokens},
    {"highlights", ask_highlights},
    {"linked", ask_linked},
    {"links", ask_links},
    {"ask", ask_any},
    {"ask-wrongly", ask_wrongly},  // params that LSP does not allow, on purpose
    {"type", type_text},
    {"close", close_document},
};

// The word for LSP's number of a symbol kind: "class", "function", ...
std::string symbol_kind_name(int kind);

}  // namespace engramd::test
