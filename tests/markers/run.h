// tests/markers/run.h - one case in one session: what its verbs need to ask and to compare.
//
// Offsets and positions are converted here, from the text, and not by the code under test. A
// document is opened when it is first asked about. One thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/daemon/editor.h"
#include "tests/markers/marked_text.h"

namespace engramd::test {

class Run {
 public:
  Run(const MarkedText& marked, const Workspace& workspace, Editor& editor, std::string encoding);

  Editor& editor() { return editor_; }

  // ---- asking
  // The document that a question is about: the file of its mark, or of the cursor, or of @path, or
  // the only one there is.
  std::string path_of(const Question& question) const;
  json document(const std::string& path);  // {"uri"}; opens it first
  json at(const Question& question);       // TextDocumentPositionParams; opens the document first
  json ask(const std::string& method, const json& params) { return editor_.ask(method, params); }
  // Replaces a span of an open document; the marks behind it move along.
  void edit(const Span& span, const std::string& text);
  void close(const std::string& path);

  // ---- positions
  Span place_of(const Question& question) const;  // the mark that it asks at
  const std::string& text(const std::string& path) const;
  json position(const std::string& path, size_t offset) const;
  json range(const Span& span) const;
  // Throws when the position is outside the text or inside a character.
  size_t offset(const std::string& path, const json& position) const;
  Span span(const std::string& path, const json& range) const;
  Span span_of_location(const json& location) const;  // Location, LocationLink, SymbolInformation
  std::string path_of_uri(const std::string& uri) const;

  // ---- showing, so that what was found and what was expected can be compared as text
  std::string show(const Span& span) const;  // path:line:column "text", counted from 1
  std::vector<std::string> show(const std::vector<Span>& spans) const;
  // The ranges that the question expects, each name standing for all its ranges.
  std::vector<std::string> expected_places(const Question& question) const;

 private:
  struct Document {
    std::string text;
    int version = 0;  // 0: not open
  };
  MarkedText marked_;
  const Workspace& workspace_;
  Editor& editor_;
  const std::string encoding_;
  std::map<std::string, Document> documents_;
};

// What is wrong, or nothing. Relations: "->" the same in any order, has, lacks, first (the list
// begins with them, in order), order (the same in this order).
std::string compare(const std::string& relation, std::vector<std::string> expected,
                    std::vector<std::string> found);
// The same for one text; expected is one or more JSON strings: contains, lacks, "->" exactly.
std::string compare_text(const Question& question, const std::string& found);

}  // namespace engramd::test
