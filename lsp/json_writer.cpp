#include "lsp/json_writer.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace engramd::lsp {
namespace {

void append_quoted(std::string& out, std::string_view value) {
  std::string clean;
  if (!utf8_valid(value)) {
    clean = utf8_sanitized(value);
    value = clean;
  }
  out += '"';
  size_t plain = 0;  // start of the run that needs no escape
  for (size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(value.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        out += escaped;
      }
    }
  }
  out.append(value.substr(plain));
  out += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

JsonWriter& JsonWriter::open(char c) {
  separate();
  out_ += c;
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char c) {
  out_ += c;
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_quoted(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(int64_t value) {
  return raw(std::to_string(value));
}

JsonWriter& JsonWriter::real(double value) {
  if (!std::isfinite(value)) return null();
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return raw(text);
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

std::string json_string(std::string_view value) {
  std::string out;
  append_quoted(out, value);
  return out;
}

}  // namespace engramd::lsp
