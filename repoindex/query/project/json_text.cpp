#include "repoindex/query/project/json_text.h"

#include "base/text.h"

namespace engramd::repoindex {

namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxValues = 200000;  // of one value read at once

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // False when the text is at fault; *out holds what was read until then.
  bool value(JsonValue* out, int depth) {
    skip_blank();
    if (at_ >= text_.size() || depth > kMaxDepth || ++n_values_ > kMaxValues) return false;
    char c = text_[at_];
    if (c == '"') {
      out->kind = JsonValue::Kind::string;
      return string(&out->text);
    }
    if (c == '[' || c == '{') return list(out, depth);
    size_t begin = at_;
    while (at_ < text_.size() && (isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+')) {
      ++at_;
    }
    out->kind = JsonValue::Kind::word;
    out->text = std::string(text_.substr(begin, std::min<size_t>(at_ - begin, 64)));
    return at_ > begin;
  }

  bool take(char c) {
    skip_blank();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void start_value() { n_values_ = 0; }

 private:
  bool list(JsonValue* out, int depth) {
    bool object = text_[at_] == '{';
    char close = object ? '}' : ']';
    out->kind = object ? JsonValue::Kind::object : JsonValue::Kind::array;
    ++at_;
    for (;;) {
      if (take(close)) return true;
      if (at_ >= text_.size()) return false;
      if (object) {
        std::string key;
        if (text_[at_] != '"' || !string(&key) || !take(':')) return false;
        out->keys.push_back(std::move(key));
      }
      out->items.emplace_back();
      if (!value(&out->items.back(), depth + 1)) return false;
      if (!take(',') && (at_ >= text_.size() || text_[at_] != close)) return false;
    }
  }

  bool string(std::string* out) {
    ++at_;
    while (at_ < text_.size()) {
      size_t end = text_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) {
        out->append(text_.substr(at_));
        break;
      }
      out->append(text_.substr(at_, end - at_));
      at_ = end + 1;
      if (text_[end] == '"') return true;
      if (!escape(out)) break;
    }
    at_ = text_.size();
    return false;
  }

  bool escape(std::string* out) {
    if (at_ >= text_.size()) return false;
    char c = text_[at_++];
    constexpr std::string_view kFrom = "ntrbf", kTo = "\n\t\r\b\f";
    if (size_t i = kFrom.find(c); i != std::string_view::npos) {
      out->push_back(kTo[i]);
      return true;
    }
    if (c != 'u') {
      out->push_back(c);
      return true;
    }
    char32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= text_.size() || !isxdigit(static_cast<unsigned char>(text_[at_]))) return false;
      char digit = static_cast<char>(tolower(static_cast<unsigned char>(text_[at_])));
      code = code * 16 + static_cast<char32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    // Halves of a pair name no file of ours.
    utf8_append(*out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return true;
  }

  void skip_blank() {
    while (at_ < text_.size()) {
      std::string_view rest = text_.substr(at_);
      if (isspace(static_cast<unsigned char>(rest[0]))) {
        ++at_;
      } else if (rest.substr(0, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.substr(0, 2) == "/*") {
        size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (rest.substr(0, 3) == "\xEF\xBB\xBF") {
        at_ += 3;
      } else {
        return;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0, n_values_ = 0;
};

}  // namespace

const JsonValue& JsonValue::at(std::string_view key) const {
  static const JsonValue kAbsent;
  for (size_t i = std::min(keys.size(), items.size()); i > 0; --i) {
    if (keys[i - 1] == key) return items[i - 1];
  }
  return kAbsent;
}

std::string_view JsonValue::string_at(std::string_view key) const {
  const JsonValue& value = at(key);
  return value.kind == Kind::string ? std::string_view(value.text) : std::string_view();
}

JsonValue read_json(std::string_view text) {
  JsonValue out;
  Reader(text).value(&out, 0);
  return out;
}

void read_json_array(std::string_view text, const std::function<bool(JsonValue&&)>& visit) {
  Reader reader(text);
  if (!reader.take('[')) return;
  while (!reader.take(']')) {
    reader.start_value();
    JsonValue element;
    if (!reader.value(&element, 0) || !visit(std::move(element))) return;
    reader.take(',');
  }
}

}  // namespace engramd::repoindex
