// The server's text is the client's text after any script of edits, in each encoding.
//
// Scripts are random and seeded; the model below applies them by LSP's words, character by
// character, and shares no code with what it tests. A completer port tells what the server has.
// ENGRAMD_FULL=1 runs longer.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;

namespace {

// A text as code points; lines end at \n, \r\n and a lone \r.
class Model {
 public:
  explicit Model(std::string encoding) : encoding_(std::move(encoding)) {}

  struct Position {
    size_t line = 0, character = 0;
  };

  size_t size() const { return text_.size(); }
  void set(std::u32string text) { text_ = std::move(text); }
  void replace(Position from, Position to, const std::u32string& text) {
    size_t a = index_of(from), b = index_of(to);
    if (a > b) std::swap(a, b);
    text_.replace(a, b - a, text);
  }
  // Of the index-th code point.
  Position position_of(size_t index) const {
    Position out;
    for (size_t i = 0; i < index; ++i) {
      if (ends_line(i)) {
        ++out.line;
        out.character = 0;
      } else if (!(text_[i] == U'\r')) {  // the first half of \r\n is no column
        out.character += units(text_[i]);
      }
    }
    return out;
  }
  std::string utf8() const { return to_utf8(text_); }

  static std::string to_utf8(const std::u32string& text) {
    std::string out;
    for (const char32_t c : text) {
      if (c < 0x80) {
        out += static_cast<char>(c);
        continue;
      }
      const int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      out += static_cast<char>((0xF0 << (4 - n)) | (c >> (6 * (n - 1))));
      for (int i = n - 2; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3F));
    }
    return out;
  }

 private:
  size_t units(char32_t c) const {
    if (encoding_ == "utf-32") return 1;
    if (encoding_ == "utf-16") return c >= 0x10000 ? 2 : 1;
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  }
  // The line ends behind this code point.
  bool ends_line(size_t i) const {
    return text_[i] == U'\n' ||
           (text_[i] == U'\r' && (i + 1 == text_.size() || text_[i + 1] != U'\n'));
  }
  // A line behind the last is the end of the text, a column behind the line's end is the line's
  // end, a column inside a character its beginning.
  size_t index_of(Position position) const {
    size_t at = 0;
    for (size_t line = 0; line < position.line; ++at) {
      if (at == text_.size()) return at;
      if (ends_line(at)) ++line;
    }
    for (size_t column = 0; at < text_.size() && text_[at] != U'\n' && text_[at] != U'\r'; ++at) {
      column += units(text_[at]);
      if (column > position.character) break;
    }
    return at;
  }

  const std::string encoding_;
  std::u32string text_;
};

class Scribbler {
 public:
  explicit Scribbler(uint32_t seed) : random_(seed) {}
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  std::u32string text(size_t max) {
    // Astral, combining, joined and right-to-left characters, all line ends, and their halves.
    static const std::u32string kPieces[] = {
        U"a",          U"x = 1", U"\n",         U"\r\n",   U"\r",
        U"\n\r",       U"é",     U"e\u0301",    U"😀",      U"👩‍👩‍👧",
        U"🇩🇪",         U"世界",  U"\U0010FFFF", U"\uFFFD", U"\t",
        U"שלום",       U" ",     U"\u2028",     U"\u0085", U"\uFEFF",
        U"def f():\n", U"\"",    U"((((",       U"\u0000b"};
    std::u32string out;
    for (size_t n = below(max + 1); n > 0; --n) out += kPieces[below(std::size(kPieces))];
    // A string literal of U"\u0000b" stops at the zero; put one in by hand at times.
    if (below(40) == 0) out += U'\0';
    return out;
  }

 private:
  std::mt19937 random_;
};

// Answers with the whole text that the server has.
daemon::Ports telling_port() {
  daemon::Ports ports;
  ports.complete = [](const daemon::CompletionQuery& query,
                      const CancelToken&) -> Result<std::vector<daemon::CompletionSuggestion>> {
    return std::vector<daemon::CompletionSuggestion>{
        {*query.view.text(query.path), {query.offset, query.offset}}};
  };
  return ports;
}

std::string text_of_server(Editor& editor, const std::string& path) {
  json params = editor.at(path, 0, 0);
  params["context"] = {{"triggerKind", 1}};
  return editor.ask("textDocument/inlineCompletion", params)["items"][0]["insertText"];
}

json position_json(Model::Position position) {
  return {{"line", position.line}, {"character", position.character}};
}

// One notification with a few changes; also those that LSP leaves to the server.
json random_changes(Scribbler& scribbler, Model& model, bool& odd) {
  json changes = json::array();
  for (size_t n = 1 + scribbler.below(4); n > 0; --n) {
    const std::u32string text = scribbler.text(scribbler.below(10) == 0 ? 30 : 3);
    if (scribbler.below(25) == 0) {
      model.set(text);
      changes.push_back({{"text", Model::to_utf8(text)}});
      continue;
    }
    size_t a = scribbler.below(model.size() + 1);
    size_t b = std::min(model.size(), a + scribbler.below(scribbler.below(8) == 0 ? 40 : 4));
    Model::Position from = model.position_of(a), to = model.position_of(b);
    switch (scribbler.below(12)) {
      case 0:  // behind the end of its line: the line's end
        to.character += 1 + scribbler.below(1000);
        odd = true;
        break;
      case 1:  // behind the end of the text: the end
        to.line += 1000 + scribbler.below(1u << 30);
        odd = true;
        break;
      case 2:  // perhaps inside a character
        if (from.character > 0) --from.character;
        odd = true;
        break;
      case 3:  // ends exchanged
        std::swap(from, to);
        odd = true;
        break;
      default:
        break;
    }
    model.replace(from, to, text);
    changes.push_back({{"range", {{"start", position_json(from)}, {"end", position_json(to)}}},
                       {"text", Model::to_utf8(text)}});
  }
  return changes;
}

}  // namespace

TEST_CASE("the server's text is the client's after any script of edits, in each encoding") {
  const char* full = std::getenv("ENGRAMD_FULL");
  const int n_scripts = full != nullptr && *full == '1' ? 2000 : 60;
  const Workspace workspace("//- /a.py\nx = 1\n");
  for (const std::string encoding : {"utf-8", "utf-16", "utf-32"}) {
    EditorOptions options;
    options.encodings = {encoding};
    options.ports = telling_port();
    Editor editor(workspace, options);
    for (int script = 0; script < n_scripts; ++script) {
      CAPTURE(encoding, script);
      Scribbler scribbler(static_cast<uint32_t>(script));
      Model model(encoding);
      model.set(scribbler.text(20));
      editor.open_text("a.py", model.utf8());
      for (int version = 2; version < 60; ++version) {
        bool odd = false;
        const json changes = random_changes(scribbler, model, odd);
        if (odd) editor.broken();
        editor.notify("textDocument/didChange",
                      {{"textDocument", {{"uri", editor.uri("a.py")}, {"version", version}}},
                       {"contentChanges", changes}});
        // Most edits follow each other without a question between them.
        if (scribbler.below(4) != 0 && version != 59) continue;
        INFO(changes.dump());
        REQUIRE(text_of_server(editor, "a.py") == model.utf8());
      }
      editor.notify("textDocument/didClose", {{"textDocument", {{"uri", editor.uri("a.py")}}}});
      REQUIRE(text_of_server(editor, "a.py") == "x = 1\n");
    }
  }
}
