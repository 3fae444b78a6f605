#include "daemon/completion/memory_context.h"

#include <algorithm>

#include "daemon/completion/prompt.h"

namespace engramd::daemon {
namespace {

constexpr size_t kTail = 64;  // the longest context a memory looks at
constexpr size_t kTailBytes = 2u << 10;
constexpr size_t kHealingWidth = 8;
constexpr int kMaxHealingSteps = 16;  // an identifier of more tokens is not healed

}  // namespace

std::vector<engine::TokenId> memory_context(const engine::Tokenizer& tokenizer,
                                            std::string_view text) {
  if (text.size() > kTailBytes) {
    text.remove_prefix(text.size() - kTailBytes);
    const size_t line = text.find('\n');
    if (line != std::string_view::npos) text.remove_prefix(line + 1);
  }
  auto tokens = tokenizer.encode(text);
  if (tokens.size() > kTail)
    tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(kTail));
  return tokens;
}

size_t heal_with_memory(const engine::Tokenizer& tokenizer,
                        const repoindex::RepositoryMemory& memory, std::string_view before) {
  struct Path {
    double probability = 1;
    size_t at = 0;  // covered up to here
    std::vector<engine::TokenId> context;
  };
  const size_t start = healing_start(before);
  if (start == before.size()) return start;
  std::vector<Path> open{{1, start, memory_context(tokenizer, before.substr(0, start))}};
  double best = 0;
  size_t found = before.size();
  for (int step = 0; step < kMaxHealingSteps && !open.empty(); ++step) {
    std::vector<Path> next;
    for (const Path& path : open) {
      const std::string_view left = before.substr(path.at);
      for (const auto& candidate : memory.next(path.context).candidates) {
        const std::string_view bytes = tokenizer.bytes(candidate.token);
        const double probability = path.probability * candidate.probability;
        if (bytes.empty() || probability <= best) continue;
        if (bytes.starts_with(left)) {
          best = probability;
          found = path.at;
        } else if (left.starts_with(bytes)) {
          next.push_back({probability, path.at + bytes.size(), path.context});
          next.back().context.push_back(candidate.token);
        }
      }
    }
    std::sort(next.begin(), next.end(),
              [](const Path& a, const Path& b) { return a.probability > b.probability; });
    if (next.size() > kHealingWidth) next.resize(kHealingWidth);
    std::erase_if(next, [&](const Path& path) { return path.probability <= best; });
    open = std::move(next);
  }
  return found;
}

}  // namespace engramd::daemon
