#include "repoindex/search/secrets.h"

#include <array>
#include <cctype>

namespace engramd::repoindex {
namespace {

bool is_value_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+' ||
         c == '/' || c == '=' || c == '.' || c == '~';
}

// A long run that mixes digits with letters and has few repeats: keys, hashes, tokens. Words,
// paths and dotted names fail one of the tests.
bool looks_random(std::string_view run) {
  if (run.size() < 16) return false;
  size_t digits = 0, upper = 0, lower = 0, others = 0, changes = 0;
  std::array<bool, 256> seen{};
  size_t distinct = 0;
  int last = -1;
  for (char c : run) {
    const unsigned char byte = static_cast<unsigned char>(c);
    const int kind = std::isdigit(byte) ? 0 : std::isupper(byte) ? 1 : std::islower(byte) ? 2 : 3;
    digits += kind == 0;
    upper += kind == 1;
    lower += kind == 2;
    others += kind == 3;
    changes += last >= 0 && kind != last;
    last = kind;
    if (!seen[byte]) ++distinct;
    seen[byte] = true;
  }
  if (digits < 2 || upper + lower < 2 || others * 3 > run.size()) return false;
  return distinct >= 8 && changes * 5 >= run.size();
}

struct KnownFormat {
  std::string_view prefix;
  size_t min_length;  // of the run of value characters, prefix included
};
constexpr KnownFormat kKnownFormats[] = {
    {"AKIA", 20},  {"ASIA", 20},        {"ghp_", 36},     {"gho_", 36},  {"ghs_", 36},
    {"ghu_", 36},  {"github_pat_", 40}, {"glpat-", 24},   {"xoxb-", 24}, {"xoxp-", 24},
    {"sk-", 32},   {"sk_live_", 24},    {"rk_live_", 24}, {"AIza", 39},  {"npm_", 36},
    {"pypi-", 40}, {"eyJhbGciOi", 40},
};
constexpr std::string_view kSecretNames[] = {
    "password", "passwd",     "secret",    "token",       "api_key",    "apikey",     "api-key",
    "auth",     "access_key", "accesskey", "private_key", "credential", "passphrase",
};

bool contains_ignoring_case(std::string_view text, std::string_view needle) {
  if (text.size() < needle.size()) return false;
  for (size_t i = 0; i + needle.size() <= text.size(); ++i) {
    size_t j = 0;
    while (j < needle.size() &&
           std::tolower(static_cast<unsigned char>(text[i + j])) == needle[j]) {
      ++j;
    }
    if (j == needle.size()) return true;
  }
  return false;
}

bool has_secret_name(std::string_view text) {
  for (std::string_view name : kSecretNames) {
    if (contains_ignoring_case(text, name)) return true;
  }
  return false;
}

bool line_is_secret(std::string_view line) {
  bool checked_name = false, named = false;
  for (size_t i = 0; i < line.size();) {
    if (!is_value_char(line[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < line.size() && is_value_char(line[end])) ++end;
    std::string_view run = line.substr(i, end - i);
    if (run.size() >= 16) {
      for (const KnownFormat& format : kKnownFormats) {
        if (run.size() >= format.min_length && run.starts_with(format.prefix)) return true;
      }
      // name=value in one run, as in .env files and URLs.
      std::string_view value = run;
      if (const size_t equals = run.find('=');
          equals != std::string_view::npos && equals + 17 <= run.size()) {
        value = run.substr(equals + 1);
      }
      if (looks_random(value)) {
        if (!checked_name) named = has_secret_name(line.substr(0, end - value.size()));
        checked_name = true;
        if (named) return true;
      }
    }
    i = end;
  }
  return false;
}

}  // namespace

std::vector<ByteRange> secret_lines(std::string_view text) {
  std::vector<ByteRange> found;
  bool in_key_block = false;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(begin, end - begin);
    const size_t dashes = line.find("-----");
    const bool key_begins = dashes != std::string_view::npos &&
                            line.find("-----BEGIN ", dashes) != std::string_view::npos &&
                            line.find("PRIVATE KEY", dashes) != std::string_view::npos;
    const bool key_ends = dashes != std::string_view::npos &&
                          line.find("-----END ", dashes) != std::string_view::npos;
    if (key_begins) in_key_block = true;
    if (in_key_block || line_is_secret(line)) found.push_back({begin, end});
    if (key_ends) in_key_block = false;
    // A marker inside ordinary code (this check, say) must not hide the rest of the file.
    if (in_key_block && !key_begins && line.size() > 0 &&
        line.find_first_of("(){};") != std::string_view::npos) {
      in_key_block = false;
    }
    begin = end + 1;
  }
  return found;
}

bool is_secret_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (std::string_view ending : {".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"}) {
    if (name.ends_with(ending)) return true;
  }
  // .env.example and the like are made to be read.
  if (name == ".env" || (name.starts_with(".env.") && !name.ends_with("example") &&
                         !name.ends_with("sample") && !name.ends_with("template"))) {
    return true;
  }
  for (std::string_view whole : {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass",
                                 ".npmrc", ".pypirc", ".htpasswd", "credentials.json"}) {
    if (name == whole) return true;
  }
  return false;
}

}  // namespace engramd::repoindex
