// The table of dialects, and by what a model is taken for one.
#include <algorithm>

#include "base/hash.h"
#include "engine/api/chat.h"
#include "engine/chat/dialects.h"

namespace engramd::engine::chat {
namespace {

using Get = const Dialect& (*)();
constexpr Get kDialects[] = {
    chatml,           qwen25,       qwen3, qwen3_coder, qwen35,  harmony,          deepseek_v4,
    deepseek_v4_0731, deepseek_v41, glm46, glm47,       kimi_k2, kimi_k2_thinking, llama3,
};

// Markers of a template, most telling first; all of a row must be there.
struct MarkerRow {
  Get dialect;
  std::string_view first, second;
};
constexpr MarkerRow kMarkers[] = {
    {deepseek_v41, "｜DSML｜", " calls>"},
    {deepseek_v41, "dsml_token", " calls>"},
    {deepseek_v4_0731, "｜DSML｜", "Beyond maximum"},
    {deepseek_v4, "｜DSML｜", "tool_calls>"},
    {harmony, "<|channel|>", "<|start|>"},
    {kimi_k2_thinking, "<|tool_calls_section_begin|>", "<think>"},
    {kimi_k2, "<|tool_calls_section_begin|>", ""},
    {glm47, "<arg_key>", "<tool_call>{function-name}<arg_key>"},
    {glm46, "<arg_key>", "[gMASK]"},
    {qwen35, "<function=", "<think>"},
    {qwen3_coder, "<function=", "<|im_start|>"},
    {qwen25, "<tool_call>", "You are Qwen, created by Alibaba Cloud"},
    {qwen3, "<tool_call>", "<think>"},
    {chatml, "<|im_start|>", ""},
    {llama3, "<|start_header_id|>", ""},
};

// Special tokens of a vocabulary, for files without a template.
struct TokenRow {
  Get dialect;
  std::string_view token;
};
constexpr TokenRow kTokens[] = {
    {deepseek_v41, "<｜deepseek_image｜>"},
    {deepseek_v4_0731, "｜DSML｜"},
    {harmony, "<|channel|>"},
    {kimi_k2, "<|im_middle|>"},
    {glm47, "<|observation|>"},
    {llama3, "<|start_header_id|>"},
    {chatml, "<|im_start|>"},
};

// Templates whose prompts were compared with ours, byte by byte (tests/clients/chat.test.mjs says
// how). The hash is hash64 of the text without white space at its ends.
struct HashRow {
  Get dialect;
  uint64_t hash;
};
constexpr HashRow kHashes[] = {
    {qwen25, 0x2469C9508F79506Eu},            // Qwen2.5-7B-Instruct
    {qwen3, 0x0283F874FF58D644u},             // Qwen3-0.6B
    {qwen3_coder, 0x6260D1FDADC84078u},       // Qwen3-Coder
    {qwen35, 0x0ED0A1D8B9D7E0BEu},            // Qwen3.5-4B
    {glm46, 0x05C556566A3840A7u},             // GLM-4.6
    {glm47, 0x9908FF553A4CC3DFu},             // GLM-4.7-Flash
    {kimi_k2, 0x5FFCE244935DA50Du},           // Kimi-K2-Instruct
    {kimi_k2_thinking, 0x203FE395C709B298u},  // Kimi-K2-Thinking
    {deepseek_v4, 0xE297C086425B12D4u},       // DeepSeek-V4, as others wrote it
    {deepseek_v4_0731, 0x176344CDEBB9E2DEu},  // DeepSeek-V4-Flash-0731, likewise
    {harmony, 0xB619F5C43A935065u},           // gpt-oss-120b
    {llama3, 0x6CA7779B7730196Au},            // Llama-3.1-8B-Instruct, Llama-3.3-70B-Instruct
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool has(std::string_view text, std::string_view marker) {
  return text.find(marker) != std::string_view::npos;
}

}  // namespace

const Dialect* find_dialect(std::string_view name) {
  for (const Get get : kDialects)
    if (get().name() == name) return &get();
  return nullptr;
}

std::vector<std::string_view> dialect_names() {
  std::vector<std::string_view> names;
  for (const Get get : kDialects) names.push_back(get().name());
  return names;
}

Recognised recognise_dialect(std::string_view chat_template) {
  const uint64_t hash = hash64(trimmed(chat_template));
  for (const HashRow& row : kHashes)
    if (row.hash == hash)
      return {&row.dialect(), "the template is one of " + std::string(row.dialect().name()), true};
  for (const MarkerRow& row : kMarkers)
    if (has(chat_template, row.first) && has(chat_template, row.second)) {
      std::string how = "the template has " + std::string(row.first);
      if (!row.second.empty()) how += " and " + std::string(row.second);
      return {&row.dialect(), how, true};
    }
  return {&chatml(), "the template is unknown; ChatML is a guess", false};
}

Recognised recognise_dialect(const Tokenizer& tokenizer) {
  if (!tokenizer.chat_template().empty()) return recognise_dialect(tokenizer.chat_template());
  for (const TokenRow& row : kTokens)
    if (tokenizer.find_added(row.token) >= 0)
      return {&row.dialect(), "no template; the vocabulary has " + std::string(row.token), true};
  return {&chatml(), "no template and no known markers; ChatML is a guess", false};
}

std::string Prompt::text() const {
  std::string all;
  for (const PromptPart& part : parts) all += part.text;
  return all;
}

std::vector<TokenId> encode(const Tokenizer& tokenizer, const Prompt& prompt) {
  std::vector<TextPart> parts;
  for (const PromptPart& part : prompt.parts) parts.push_back({part.text, part.trusted});
  return tokenizer.encode_parts(parts);
}

void apply(Answer& answer, const Event& event) {
  auto& calls = answer.message.tool_calls;
  answer.message.role = Role::assistant;
  switch (event.kind) {
    case Event::Kind::text:
      answer.message.text += event.text;
      break;
    case Event::Kind::reasoning:
      answer.message.reasoning += event.text;
      break;
    case Event::Kind::call_begin:
      calls.push_back({"", event.text, ""});
      break;
    case Event::Kind::call_arguments:
      if (!calls.empty()) calls.back().arguments += event.text;
      break;
    case Event::Kind::call_end:
      break;
    case Event::Kind::call_broken:
      if (!calls.empty()) calls.pop_back();
      answer.broken += event.text;
      break;
    case Event::Kind::problem:
      answer.problems.push_back(event.text);
      break;
  }
}

}  // namespace engramd::engine::chat
