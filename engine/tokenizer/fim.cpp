#include "engine/api/fim.h"

#include <string>

namespace engramd::engine {
namespace {

class Prompt {
 public:
  explicit Prompt(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    if (tokenizer.adds_bos() && tokenizer.specials().bos >= 0)
      tokens_.push_back(tokenizer.specials().bos);
  }
  void marker(TokenId token) {
    flush();
    tokens_.push_back(token);
  }
  // Joined to the text before it: words cross the pieces.
  void text(std::string_view text) { text_ += text; }
  void line(std::string_view line) { text_.append(line) += '\n'; }
  std::vector<TokenId> take() {
    flush();
    return std::move(tokens_);
  }

 private:
  void flush() {
    const auto tokens = tokenizer_.encode(text_);
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    text_.clear();
  }
  const Tokenizer& tokenizer_;
  std::vector<TokenId> tokens_;
  std::string text_;
};

void add_files_with_markers(Prompt& prompt, const SpecialTokens& specials,
                            const FimRequest& request) {
  if (request.files.empty() && request.repository.empty()) return;
  if (specials.repo_name >= 0 && !request.repository.empty()) {
    prompt.marker(specials.repo_name);
    prompt.line(request.repository);
  }
  for (const FimFile& file : request.files) {
    prompt.marker(specials.file_sep);
    prompt.line(file.path);
    prompt.text(file.text);
  }
  prompt.marker(specials.file_sep);
  prompt.line(request.path);
}

// As text, before what is left of the gap.
void add_files_as_text(Prompt& prompt, const FimRequest& request) {
  for (const FimFile& file : request.files) {
    prompt.line("#" + std::string(file.path));
    prompt.text(file.text);
    if (!file.text.ends_with('\n')) prompt.line("");
  }
  if (!request.files.empty() && !request.path.empty()) prompt.line("#" + std::string(request.path));
}

}  // namespace

bool has_fim(const SpecialTokens& specials) {
  return specials.fim_prefix >= 0 && specials.fim_suffix >= 0 && specials.fim_middle >= 0;
}

std::vector<TokenId> fim_prompt(const Tokenizer& tokenizer, const FimRequest& request) {
  const SpecialTokens& specials = tokenizer.specials();
  Prompt prompt(tokenizer);
  const bool markers = specials.file_sep >= 0;
  if (markers) add_files_with_markers(prompt, specials, request);
  const auto add_before = [&] {
    if (!markers) add_files_as_text(prompt, request);
    prompt.text(request.prefix);
  };
  if (!has_fim(specials)) {
    add_before();
    return prompt.take();
  }
  if (request.order == FimOrder::suffix_prefix_middle) {
    prompt.marker(specials.fim_suffix);
    prompt.text(request.suffix);
    prompt.marker(specials.fim_prefix);
    add_before();
  } else {
    prompt.marker(specials.fim_prefix);
    add_before();
    prompt.marker(specials.fim_suffix);
    prompt.text(request.suffix);
  }
  prompt.marker(specials.fim_middle);
  return prompt.take();
}

}  // namespace engramd::engine
