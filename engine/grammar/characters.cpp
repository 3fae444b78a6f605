#include "engine/grammar/characters.h"

#include <algorithm>

namespace engramd::engine::grammar {
namespace {

constexpr uint32_t kLast = 0x10FFFF;
constexpr Characters::Range kSurrogates = {0xD800, 0xDFFF};

// The ranges of bytes, in sequences of `n` with six bits in every byte but the first, that spell
// exactly first..last, all of which have n bytes.
void split(Rules& rules, uint32_t first, uint32_t last, unsigned n, uint8_t lead,
           std::vector<Expr>& choices) {
  for (unsigned i = 1; i < n; ++i) {
    const uint32_t low = (1u << (6 * i)) - 1;
    if ((first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) {
      split(rules, first, first | low, n, lead, choices);
      split(rules, (first | low) + 1, last, n, lead, choices);
      return;
    }
    if ((last & low) != low) {
      split(rules, first, (last & ~low) - 1, n, lead, choices);
      split(rules, last & ~low, last, n, lead, choices);
      return;
    }
  }
  std::vector<Expr> parts;
  for (unsigned i = n; i-- > 0;) {
    const uint32_t mask = i + 1 == n ? kMarkerByte : 0x3F;
    const auto base = static_cast<uint8_t>(i + 1 == n ? lead : 0x80);
    parts.push_back(
        rules.bytes(ByteSet::range(static_cast<uint8_t>(base | ((first >> (6 * i)) & mask)),
                                   static_cast<uint8_t>(base | ((last >> (6 * i)) & mask)))));
  }
  choices.push_back(rules.sequence(parts));
}

// A part of first..last within low..high, written with n bytes.
void add_utf8(Rules& rules, Characters::Range range, uint32_t low, uint32_t high, unsigned n,
              uint8_t lead, std::vector<Expr>& choices) {
  const uint32_t first = std::max(range.first, low), last = std::min(range.second, high);
  if (first <= last) split(rules, first, last, n, lead, choices);
}

Expr plain(Rules& rules, const Characters& set) {
  ByteSet ascii;
  std::vector<Expr> choices;
  for (const auto& range : set.ranges()) {
    for (uint32_t c = range.first; c <= std::min(range.second, 0x7Fu); ++c)
      ascii.add(static_cast<uint8_t>(c));
    add_utf8(rules, range, 0x80, 0x7FF, 2, 0xC0, choices);
    add_utf8(rules, range, 0x800, 0xFFFF, 3, 0xE0, choices);
    add_utf8(rules, range, 0x10000, kLast, 4, 0xF0, choices);
    if (range.second >= kMarkerBase) {
      std::vector<Expr> ids;
      split(rules, std::max(range.first, kMarkerBase) - kMarkerBase, range.second - kMarkerBase, 4,
            0x80, ids);
      choices.push_back(rules.sequence(
          {rules.bytes(ByteSet::range(kMarkerByte, kMarkerByte)), rules.any_of(ids)}));
    }
  }
  choices.push_back(rules.bytes(ascii));
  return rules.any_of(choices);
}

std::string json_escape(uint32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default: {
      constexpr std::string_view kDigits = "0123456789abcdef";
      return std::string("\\u00") + kDigits[c >> 4 & 15] + kDigits[c & 15];
    }
  }
}

const Characters& must_be_escaped() {
  static const Characters set = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  return set;
}

ByteSet hex_digits(std::string_view which = "0123456789abcdefABCDEF") {
  ByteSet set;
  for (const char c : which) set.add(static_cast<uint8_t>(c));
  return set;
}

}  // namespace

std::string marker_bytes(uint32_t token) {
  std::string bytes(1, static_cast<char>(kMarkerByte));
  for (int shift = 18; shift >= 0; shift -= 6)
    bytes += static_cast<char>(0x80 | (token >> shift & 0x3F));
  return bytes;
}

Characters::Characters(std::initializer_list<Range> ranges) : ranges_(ranges) {
  normalise();
}

Characters Characters::text() {
  return {{0, kSurrogates.first - 1}, {kSurrogates.second + 1, kLast}};
}

Characters Characters::markers() {
  return {{kMarkerBase, kMarkerBase + kMaxMarkerId}};
}

void Characters::add(uint32_t first, uint32_t last) {
  ranges_.emplace_back(first, last);
  normalise();
}

void Characters::add(const Characters& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalise();
}

void Characters::remove(const Characters& other) {
  std::vector<Range> left;
  size_t k = 0;
  for (Range range : ranges_) {
    while (k < other.ranges_.size() && other.ranges_[k].second < range.first) ++k;
    for (size_t i = k; i < other.ranges_.size() && other.ranges_[i].first <= range.second; ++i) {
      if (other.ranges_[i].first > range.first)
        left.emplace_back(range.first, other.ranges_[i].first - 1);
      range.first = std::max(range.first, other.ranges_[i].second + 1);
    }
    if (range.first <= range.second) left.push_back(range);
  }
  ranges_ = std::move(left);
}

Characters Characters::other_text() const {
  Characters others = text();
  others.remove(*this);
  return others;
}

bool Characters::has(uint32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.first <= c && c <= range.second; });
}

void Characters::normalise() {
  std::sort(ranges_.begin(), ranges_.end());
  std::vector<Range> joined;
  for (const Range& range : ranges_) {
    if (!joined.empty() && range.first <= joined.back().second + 1)
      joined.back().second = std::max(joined.back().second, range.second);
    else
      joined.push_back(range);
  }
  ranges_ = std::move(joined);
}

Expr one_character(Rules& rules, const Characters& set, Spelling spelling) {
  if (spelling == Spelling::plain) return plain(rules, set);
  Characters raw = set;
  if (spelling == Spelling::tag) {
    raw.remove({{'<', '<'}});
    return plain(rules, raw);
  }
  raw.remove(must_be_escaped());
  std::vector<std::string> escapes;
  for (const auto& [first, last] : must_be_escaped().ranges())
    for (uint32_t c = first; c <= last; ++c)
      if (set.has(c)) escapes.push_back(json_escape(c));
  std::vector<Expr> choices = {plain(rules, raw)};
  if (!escapes.empty()) choices.push_back(rules.one_of(std::move(escapes)));
  return rules.any_of(choices);
}

Expr json_character(Rules& rules) {
  Characters raw = Characters::text();
  raw.remove(must_be_escaped());
  const auto bytes = [&](std::string_view which) { return rules.bytes(hex_digits(which)); };
  const Expr hex = rules.bytes(hex_digits());
  const Expr two = rules.sequence({hex, hex});
  const Expr d = bytes("dD");
  const Expr code =
      rules.sequence({rules.literal("u"),
                      rules.any_of({rules.sequence({bytes("0123456789abcefABCEF"), hex, two}),
                                    rules.sequence({d, bytes("01234567"), two}),
                                    rules.sequence({d, bytes("89abAB"), two, rules.literal("\\u"),
                                                    d, bytes("cdefCDEF"), two})})});
  return rules.any_of(
      {plain(rules, raw),
       rules.sequence({rules.literal("\\"), rules.any_of({bytes("\"\\/bfnrt"), code})})});
}

Result<std::vector<uint32_t>> to_characters(std::string_view text) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[i + k]); };
    const uint8_t lead = byte(0);
    const size_t n = lead < 0x80           ? 1
                     : lead == kMarkerByte ? 5
                     : lead < 0xC2         ? 0
                     : lead < 0xE0         ? 2
                     : lead < 0xF0         ? 3
                     : lead < 0xF5         ? 4
                                           : 0;
    if (n == 0 || i + n > text.size())
      return fail(ErrorCode::invalid_input, "text at byte " + std::to_string(i) + " is not UTF-8");
    uint32_t c = n == 1 ? lead : n == 5 ? 0 : lead & (0xFFu >> (n + 1));
    for (size_t k = 1; k < n; ++k) {
      if ((byte(k) & 0xC0) != 0x80)
        return fail(ErrorCode::invalid_input,
                    "text at byte " + std::to_string(i) + " is not UTF-8");
      c = c << 6 | (byte(k) & 0x3Fu);
    }
    const bool overlong = (n == 3 && c < 0x800) || (n == 4 && c < 0x10000);
    if (n != 5 && (overlong || c > kLast || (c >= kSurrogates.first && c <= kSurrogates.second)))
      return fail(ErrorCode::invalid_input, "text at byte " + std::to_string(i) + " is not UTF-8");
    out.push_back(n == 5 ? kMarkerBase + c : c);
    i += n;
  }
  return out;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (must_be_escaped().has(byte))
      out += json_escape(byte);
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace engramd::engine::grammar
