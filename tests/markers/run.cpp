#include "tests/markers/run.h"

#include <algorithm>
#include <stdexcept>

#include "lsp/uri.h"

namespace engramd::test {
namespace {

const std::map<std::string, std::string> kLanguageIds = {
    {".c", "c"},       {".h", "c"},         {".cc", "cpp"},         {".cpp", "cpp"},
    {".hpp", "cpp"},   {".py", "python"},   {".js", "javascript"},  {".jsx", "javascriptreact"},
    {".rb", "ruby"},   {".go", "go"},       {".ts", "typescript"},  {".tsx", "typescriptreact"},
    {".java", "java"}, {".cs", "csharp"},   {".rs", "rust"},        {".kt", "kotlin"},
    {".php", "php"},   {".swift", "swift"}, {".sh", "shellscript"}, {".md", "markdown"},
    {".html", "html"}, {".scala", "scala"}};

std::string language_of(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension();
  const auto at = kLanguageIds.find(extension);
  if (at != kLanguageIds.end()) return at->second;
  return extension.empty() ? "plaintext" : extension.substr(1);
}

size_t bytes_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t units_of(const std::string& encoding, size_t n_bytes) {
  if (encoding == "utf-8") return n_bytes;
  return encoding == "utf-16" && n_bytes == 4 ? 2 : 1;
}

// Length of the line end at `at`; 0 when there is none.
size_t line_end_at(std::string_view text, size_t at) {
  if (text[at] == '\n') return 1;
  if (text[at] != '\r') return 0;
  return at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1;
}

struct Place {
  size_t line = 0, character = 0;
};

Place place_at(std::string_view text, size_t offset, const std::string& encoding) {
  Place place;
  for (size_t at = 0; at < offset;) {
    if (const size_t end = line_end_at(text, at); end > 0) {
      ++place.line;
      place.character = 0;
      at += end;
    } else {
      const size_t n = bytes_at(text, at);
      place.character += units_of(encoding, n);
      at += n;
    }
  }
  return place;
}

std::string list_of(const std::vector<std::string>& items) {
  if (items.empty()) return "    nothing\n";
  std::string out;
  for (const std::string& item : items) out += "    " + item + "\n";
  return out;
}

bool holds(const std::vector<std::string>& items, const std::string& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

Run::Run(const MarkedText& marked, const Workspace& workspace, Editor& editor, std::string encoding)
    : marked_(marked), workspace_(workspace), editor_(editor), encoding_(std::move(encoding)) {
  for (const auto& [path, text] : marked_.files) documents_[path].text = text;
}

// ---- asking

Span Run::place_of(const Question& question) const {
  if (documents_.count(question.at) > 0) return {question.at, 0, 0};
  const bool has_cursor = std::any_of(marked_.marks.begin(), marked_.marks.end(),
                                      [](const Mark& mark) { return mark.name == "$0"; });
  if (!question.at.empty() || has_cursor)
    return marked_.spans(question.at.empty() ? "$0" : question.at).front();
  if (documents_.size() != 1)
    throw std::runtime_error("which file? there is no $0: ask with verb@path");
  return {documents_.begin()->first, 0, 0};
}

std::string Run::path_of(const Question& question) const {
  return place_of(question).path;
}

json Run::document(const std::string& path) {
  Document& document = documents_.at(path);
  const std::string uri = editor_.uri(path);
  if (document.version == 0) {
    document.version = 1;
    editor_.notify("textDocument/didOpen", {{"textDocument",
                                             {{"uri", uri},
                                              {"languageId", language_of(path)},
                                              {"version", 1},
                                              {"text", document.text}}}});
  }
  return {{"uri", uri}};
}

json Run::at(const Question& question) {
  const Span span = place_of(question);
  return {{"textDocument", document(span.path)}, {"position", position(span.path, span.begin)}};
}

void Run::edit(const Span& span, const std::string& text) {
  const json uri = document(span.path)["uri"];
  Document& document = documents_.at(span.path);
  editor_.notify("textDocument/didChange",
                 {{"textDocument", {{"uri", uri}, {"version", ++document.version}}},
                  {"contentChanges", json::array({{{"range", range(span)}, {"text", text}}})}});
  document.text.replace(span.begin, span.end - span.begin, text);
  const auto moved = [&](size_t offset) {
    return offset < span.end ? offset : offset - (span.end - span.begin) + text.size();
  };
  for (Mark& mark : marked_.marks) {
    if (mark.span.path != span.path || mark.span.begin < span.begin) continue;
    // The cursor goes behind what is typed; a range that begins there does too.
    mark.span.begin = moved(mark.span.begin);
    mark.span.end = std::max(mark.span.begin, moved(mark.span.end));
  }
}

void Run::close(const std::string& path) {
  Document& document = documents_.at(path);
  if (document.version == 0) return;
  editor_.notify("textDocument/didClose", {{"textDocument", {{"uri", editor_.uri(path)}}}});
  document = {workspace_.read(path), 0};
}

// ---- positions

const std::string& Run::text(const std::string& path) const {
  const auto at = documents_.find(path);
  if (at == documents_.end()) throw std::runtime_error("the workspace has no file " + path);
  return at->second.text;
}

json Run::position(const std::string& path, size_t offset) const {
  const Place place = place_at(text(path), offset, encoding_);
  return {{"line", place.line}, {"character", place.character}};
}

json Run::range(const Span& span) const {
  return {{"start", position(span.path, span.begin)}, {"end", position(span.path, span.end)}};
}

size_t Run::offset(const std::string& path, const json& position) const {
  const std::string& body = text(path);
  size_t line = 0, character = 0, at = 0;
  while (line != position.at("line") || character != position.at("character")) {
    if (at >= body.size())
      throw std::runtime_error(path + " has no position " + position.dump() + " in " + encoding_);
    if (const size_t end = line_end_at(body, at); end > 0) {
      ++line;
      character = 0;
      at += end;
    } else {
      character += units_of(encoding_, bytes_at(body, at));
      at += bytes_at(body, at);
    }
  }
  return at;
}

Span Run::span(const std::string& path, const json& range) const {
  const Span span{path, offset(path, range.at("start")), offset(path, range.at("end"))};
  if (span.end < span.begin) throw std::runtime_error(path + ": range " + range.dump());
  return span;
}

std::string Run::path_of_uri(const std::string& uri) const {
  const auto path = lsp::path_of_uri(uri);
  if (!path) throw std::runtime_error("URI " + uri + ": " + path.error().message);
  return path->lexically_relative(workspace_.root()).string();
}

Span Run::span_of_location(const json& location) const {
  if (location.contains("location")) return span_of_location(location["location"]);
  if (!location.contains("targetUri"))
    return span(path_of_uri(location.at("uri")), location.at("range"));
  const std::string path = path_of_uri(location["targetUri"]);
  const Span whole = span(path, location.at("targetRange"));
  const Span name = span(path, location.at("targetSelectionRange"));
  if (name.begin < whole.begin || name.end > whole.end)
    throw std::runtime_error("targetSelectionRange outside targetRange: " + location.dump());
  return name;
}

// ---- showing

std::string Run::show(const Span& span) const {
  const std::string& body = text(span.path);
  const Place place = place_at(body, span.begin, "utf-32");
  return span.path + ":" + std::to_string(place.line + 1) + ":" +
         std::to_string(place.character + 1) + " " +
         json(body.substr(span.begin, span.end - span.begin)).dump();
}

std::vector<std::string> Run::show(const std::vector<Span>& spans) const {
  std::vector<std::string> out;
  for (const Span& span : spans) out.push_back(show(span));
  return out;
}

std::vector<std::string> Run::expected_places(const Question& question) const {
  std::vector<std::string> out;
  for (const std::string& name : question.expected_items())
    for (const Span& span : marked_.spans(name)) out.push_back(show(span));
  return out;
}

// ---- comparing

std::string compare(const std::string& relation, std::vector<std::string> expected,
                    std::vector<std::string> found) {
  bool right = true;
  const auto found_as_sent = found;
  if (relation == "->") {
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    right = expected == found;
  } else if (relation == "order") {
    right = expected == found;
  } else if (relation == "first") {
    right = found.size() >= expected.size() &&
            std::equal(expected.begin(), expected.end(), found.begin());
  } else if (relation == "has" || relation == "lacks") {
    if (expected.empty()) return relation + " needs something to look for";
    for (const std::string& item : expected) right &= holds(found, item) == (relation == "has");
  } else {
    return "this verb knows no relation \"" + relation + "\"";
  }
  if (right) return {};
  return "  expected, " + relation + ":\n" + list_of(expected) + "  found:\n" +
         list_of(found_as_sent);
}

std::string compare_text(const Question& question, const std::string& found) {
  std::vector<std::string> expected;
  for (const std::string& item : question.expected_items())
    expected.push_back(json::parse(item).get<std::string>());
  bool right = true;
  if (question.relation == "->") {
    right = found == (expected.empty() ? "" : expected.front()) && expected.size() <= 1;
  } else if (question.relation == "contains" || question.relation == "lacks") {
    if (expected.empty()) return question.relation + " needs a text to look for";
    for (const std::string& text : expected)
      right &= (found.find(text) != std::string::npos) == (question.relation == "contains");
  } else {
    return "this verb knows no relation \"" + question.relation + "\"";
  }
  if (right) return {};
  return "  expected, " + question.relation + ":\n" + list_of(expected) + "  found:\n" +
         list_of({found});
}

}  // namespace engramd::test
