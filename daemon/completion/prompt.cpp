#include "daemon/completion/prompt.h"

#include <algorithm>

namespace engramd::daemon {
namespace {

struct StyleRow {
  std::string_view architecture;
  PromptOrder order;
  size_t max_tokens;
  bool has_excerpts = false;
};
// Everything else is prefix, suffix, middle: the order of Qwen, DeepSeek, GLM and StarCoder.
constexpr StyleRow kStyles[] = {
    // Prefix 320, suffix 96, excerpts 192 and the markers.
    {"engramd", PromptOrder::suffix_prefix_middle, 640, true},
};

enum class Kind { word, space, line_end, symbol };
Kind kind_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
      (byte >= 'A' && byte <= 'Z') || byte == '_')
    return Kind::word;
  if (byte == '\n' || byte == '\r') return Kind::line_end;
  return byte == ' ' || (byte >= '\t' && byte <= '\f') ? Kind::space : Kind::symbol;
}

void append(std::vector<engine::TokenId>& out, const std::vector<engine::TokenId>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

PromptStyle prompt_style(const engine::ModelInfo& info, const engine::SpecialTokens& specials) {
  PromptStyle style;
  style.order = PromptOrder::prefix_suffix_middle;
  for (const StyleRow& row : kStyles) {
    if (row.architecture != info.architecture) continue;
    style.order = row.order;
    style.max_tokens = row.max_tokens;
    style.has_excerpts = style.whole_tokens = row.has_excerpts;
  }
  if (specials.fim_prefix < 0 || specials.fim_suffix < 0 || specials.fim_middle < 0)
    style.order = PromptOrder::none;
  if (style.order == PromptOrder::none) style.has_excerpts = style.whole_tokens = false;
  style.has_repository_markers = style.order == PromptOrder::prefix_suffix_middle &&
                                 specials.repo_name >= 0 && specials.file_sep >= 0;
  return style;
}

size_t healing_start(std::string_view text) {
  if (text.empty()) return 0;
  const Kind kind = kind_of(text.back());
  if (kind == Kind::line_end) return text.size();
  size_t begin = text.size();
  while (begin > 0 && kind_of(text[begin - 1]) == kind) --begin;
  // " foo", ".foo", "(foo": one word for the tokenizers in use; so is " ==".
  if (begin > 0) {
    const Kind before = kind_of(text[begin - 1]);
    if (kind == Kind::word && (before == Kind::symbol || before == Kind::space)) --begin;
    if (kind == Kind::symbol && text[begin - 1] == ' ') --begin;
  }
  return text.size() - begin <= kMaxHealedBytes ? begin : text.size();
}

size_t last_token_start(const engine::Tokenizer& tokenizer, std::string_view before) {
  const size_t line = before.rfind('\n') + 1;  // npos + 1 is 0
  const size_t start = std::max(line, healing_start(before));
  if (start == before.size()) return start;
  // A space joins what follows it; the spaces before it are a token of their own.
  if (kind_of(before.back()) == Kind::space) return before.size() - 1;
  const auto tokens = tokenizer.encode(before.substr(start));
  if (tokens.empty()) return before.size();
  return before.size() - std::min(before.size() - start, tokenizer.bytes(tokens.back()).size());
}

std::vector<engine::TokenId> build_prompt(const engine::Tokenizer& tokenizer,
                                          const PromptStyle& style, const repoindex::Window& window,
                                          std::string_view prefix, std::string_view suffix) {
  const engine::SpecialTokens& specials = tokenizer.specials();
  std::vector<engine::TokenId> prompt;
  std::string context;  // parts of other places, as text
  if (style.has_repository_markers) {
    for (const repoindex::WindowPart& part : window.parts) {
      prompt.push_back(specials.file_sep);
      append(prompt, tokenizer.encode(part.path + "\n" + part.text));
    }
    if (!window.parts.empty()) {
      prompt.push_back(specials.file_sep);
      append(prompt, tokenizer.encode(window.path + "\n"));
    }
  } else {
    for (const repoindex::WindowPart& part : window.parts) {
      context += part.text;
      if (!context.ends_with('\n')) context += '\n';
    }
  }
  const auto before = tokenizer.encode(context + std::string(prefix));
  switch (style.order) {
    case PromptOrder::none:
      append(prompt, before);
      break;
    case PromptOrder::prefix_suffix_middle:
      prompt.push_back(specials.fim_prefix);
      append(prompt, before);
      prompt.push_back(specials.fim_suffix);
      append(prompt, tokenizer.encode(suffix));
      prompt.push_back(specials.fim_middle);
      break;
    case PromptOrder::suffix_prefix_middle:
      prompt.push_back(specials.fim_suffix);
      append(prompt, tokenizer.encode(suffix));
      prompt.push_back(specials.fim_prefix);
      append(prompt, before);
      prompt.push_back(specials.fim_middle);
      break;
  }
  // A session needs something to continue: an empty file starts like a document does.
  if (prompt.empty()) {
    const engine::TokenId start = specials.bos >= 0 ? specials.bos : specials.eos;
    prompt = start >= 0 ? std::vector{start} : tokenizer.encode("\n");
  }
  return prompt;
}

}  // namespace engramd::daemon
