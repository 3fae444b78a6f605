#include "engine/tokenizer/hf_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/tokenizer/pre_tokenizer.h"

namespace engramd::engine::tokenizer {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxTokens = 4 << 20;  // as make_tokenizer
constexpr int kMaxDepth = 32;            // real files have 6 levels
enum TokenType : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

std::optional<Json> parse(std::string_view text) {
  bool too_deep = false;
  Json json = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kMaxDepth;
        return !too_deep;
      },
      false);
  if (too_deep || json.is_discarded()) return std::nullopt;
  return json;
}

// Null when the object has no such member, or null there.
const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}
std::string string_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}
bool flag_of(const Json& object, const char* name, bool otherwise = false) {
  const Json* value = member(object, name);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
}

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorCode::unsupported, "tokenizer.json: " + what);
}
tl::unexpected<Error> corrupt(const std::string& what) {
  return fail(ErrorCode::corrupt, "tokenizer.json: " + what);
}
// For messages: short, one line.
std::string shown(std::string text) {
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  return "\"" + text + "\"";
}

// As the rows write them: line ends as \r and \n.
std::string canonical(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) {
    if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

// The regular expressions of a pre-tokenizer, in the order they are applied.
Status collect_patterns(const Json& json, std::vector<std::string>& patterns) {
  const std::string type = string_of(json, "type");
  if (type == "Sequence") {
    const Json* parts = member(json, "pretokenizers");
    if (parts == nullptr || !parts->is_array()) return corrupt("a Sequence has no pretokenizers");
    for (const Json& part : *parts) ENGRAMD_CHECK(collect_patterns(part, patterns));
    return {};
  }
  if (type == "ByteLevel") {
    if (flag_of(json, "add_prefix_space", true))
      return unsupported("the pre-tokenizer puts a space before the text (add_prefix_space)");
    if (flag_of(json, "use_regex", true))
      patterns.emplace_back(find_pre_tokenizer("gpt-2")->patterns[0]);
    return {};
  }
  if (type == "Digits") {
    patterns.emplace_back(flag_of(json, "individual_digits") ? "\\p{N}" : "\\p{N}+");
    return {};
  }
  if (type != "Split")
    return unsupported("the pre-tokenizer has a part of type " + shown(type) +
                       ", expected Sequence, Split, Digits or ByteLevel");
  const std::string behavior = string_of(json, "behavior");
  const bool inverted = flag_of(json, "invert");
  // Removing what lies between the matches of a pattern that leaves nothing out is isolating them.
  if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted))
    return unsupported("a Split has behavior " + shown(behavior) + ", expected Isolated");
  const Json* pattern = member(json, "pattern");
  const std::string regex = pattern == nullptr ? std::string() : string_of(*pattern, "Regex");
  if (regex.empty()) return unsupported("a Split has no regular expression");
  patterns.push_back(canonical(regex));
  return {};
}

Status check_normalizer(const Json& json) {
  const std::string type = string_of(json, "type");
  if (type == "NFC") return {};  // the header says why this is not applied
  if (type == "Sequence") {
    const Json* parts = member(json, "normalizers");
    if (parts != nullptr && parts->is_array())
      for (const Json& part : *parts) ENGRAMD_CHECK(check_normalizer(part));
    return {};
  }
  return unsupported("the text is normalised by " + shown(type) + ", expected NFC or nothing");
}

Status read_vocabulary(const Json& model, TokenizerData& data) {
  const Json* vocabulary = member(model, "vocab");
  if (vocabulary == nullptr || !vocabulary->is_object())
    return corrupt("the model has no vocab object");
  for (const auto& [token, id] : vocabulary->items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens)
      return corrupt("token " + shown(token) + " has id " + id.dump() + ", expected 0 to " +
                     std::to_string(kMaxTokens - 1));
    const auto index = id.get<size_t>();
    if (index >= data.tokens.size()) data.tokens.resize(index + 1);
    if (!data.tokens[index].empty())
      return corrupt("tokens " + shown(data.tokens[index]) + " and " + shown(token) +
                     " both have id " + std::to_string(index));
    data.tokens[index] = token;
  }
  data.types.assign(data.tokens.size(), kNormal);
  return {};
}

Status read_merges(const Json& model, TokenizerData& data) {
  const Json* merges = member(model, "merges");
  if (merges == nullptr || !merges->is_array()) return corrupt("the model has no merges array");
  data.merges.reserve(merges->size());
  for (const Json& merge : *merges) {
    if (merge.is_string()) {
      data.merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      data.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      return corrupt("merge " + std::to_string(data.merges.size()) +
                     " is neither a string nor a pair of strings");
    }
  }
  return {};
}

Status read_added_tokens(const Json& json, TokenizerData& data) {
  const Json* added = member(json, "added_tokens");
  if (added == nullptr) return {};
  if (!added->is_array()) return corrupt("added_tokens is not an array");
  for (const Json& token : *added) {
    const std::string content = string_of(token, "content");
    const Json* id = member(token, "id");
    if (content.empty() || id == nullptr || !id->is_number_unsigned() ||
        id->get<uint64_t>() >= kMaxTokens)
      return corrupt("an added token has no content or no id below " + std::to_string(kMaxTokens));
    for (const auto* rule : {"single_word", "lstrip", "rstrip"})
      if (flag_of(token, rule))
        return unsupported("added token " + shown(content) + " has the rule " + rule);
    const auto index = id->get<size_t>();
    if (index >= data.tokens.size()) {
      data.tokens.resize(index + 1);
      data.types.resize(index + 1, kNormal);
    }
    data.tokens[index] = content;
    data.types[index] = flag_of(token, "special") ? kControl : kUserDefined;
  }
  return {};
}

TokenId find_token(const TokenizerData& data, const std::string& spelling) {
  const auto found = std::find(data.tokens.begin(), data.tokens.end(), spelling);
  return found == data.tokens.end() ? -1 : static_cast<TokenId>(found - data.tokens.begin());
}

}  // namespace

Result<TokenizerData> read_tokenizer_json(std::string_view text) {
  const auto json = parse(text);
  if (!json || !json->is_object()) return corrupt("it is not a JSON object");
  const Json* model = member(*json, "model");
  if (model == nullptr) return corrupt("it has no model");
  const std::string type = string_of(*model, "type");
  // Old files leave the type out; only BPE has merges.
  if (type != "BPE" && !(type.empty() && member(*model, "merges") != nullptr))
    return unsupported("the model is " + shown(type) + ", expected BPE");
  if (flag_of(*model, "byte_fallback"))
    return unsupported("the model falls back to byte tokens, expected byte-level BPE");
  for (const auto* affix : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!string_of(*model, affix).empty())
      return unsupported(std::string("the model has a ") + affix);
  if (const Json* normalizer = member(*json, "normalizer"))
    ENGRAMD_CHECK(check_normalizer(*normalizer));

  TokenizerData data;
  data.model = "gpt2";
  const Json* pre = member(*json, "pre_tokenizer");
  if (pre == nullptr) return unsupported("it has no pre-tokenizer");
  std::vector<std::string> patterns;
  ENGRAMD_CHECK(collect_patterns(*pre, patterns));
  const PreTokenizer* row = find_pre_tokenizer(patterns);
  if (row == nullptr) {
    std::string all;
    for (const std::string& pattern : patterns) all += (all.empty() ? "" : ", ") + shown(pattern);
    return unsupported("the pre-tokenizer cuts text by " + (all.empty() ? "nothing" : all) +
                       ", which is none of " + pre_tokenizer_names());
  }
  data.pre = row->name;
  data.whole_words_first = flag_of(*model, "ignore_merges");
  ENGRAMD_CHECK(read_vocabulary(*model, data));
  ENGRAMD_CHECK(read_merges(*model, data));
  ENGRAMD_CHECK(read_added_tokens(*json, data));
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    if (!data.tokens[id].empty()) continue;  // a gap in the numbers
    data.tokens[id] = "<unused " + std::to_string(id) + ">";
    data.types[id] = kUnused;
  }
  return data;
}

Status add_tokenizer_config(TokenizerData& data, std::string_view text) {
  const auto json = parse(text);
  if (!json || !json->is_object())
    return fail(ErrorCode::corrupt, "tokenizer_config.json is not a JSON object");
  const std::pair<const char*, TokenId*> ids[] = {{"bos_token", &data.specials.bos},
                                                  {"eos_token", &data.specials.eos},
                                                  {"pad_token", &data.specials.pad}};
  for (const auto& [name, id] : ids) {
    const Json* value = member(*json, name);
    if (value == nullptr) continue;
    const std::string spelling =
        value->is_string() ? value->get<std::string>() : string_of(*value, "content");
    if (const TokenId found = find_token(data, spelling); found >= 0) *id = found;
  }
  data.add_bos = flag_of(*json, "add_bos_token");
  if (const Json* chat = member(*json, "chat_template")) {
    if (chat->is_string()) data.chat_template = chat->get<std::string>();
    if (chat->is_array())  // several, by name
      for (const Json& named : *chat)
        if (data.chat_template.empty() || string_of(named, "name") == "tool_use")
          data.chat_template = string_of(named, "template");
  }
  return {};
}

}  // namespace engramd::engine::tokenizer
