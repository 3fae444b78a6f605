#include "daemon/completion/line_ends.h"

#include <algorithm>
#include <unordered_map>

namespace engramd::daemon {
namespace {

// Control tokens that end a text although the file may name another one as eos (engine/decode has
// the same list).
constexpr std::string_view kEndSpellings[] = {"<|endoftext|>", "<|im_end|>", "<|eot_id|>",
                                              "<|end_of_text|>", "</s>"};

std::vector<engine::TokenId> stops_of(const engine::Tokenizer& tokenizer) {
  const engine::SpecialTokens& s = tokenizer.specials();
  std::vector<engine::TokenId> stops;
  for (const engine::TokenId token :
       {s.eos, s.pad, s.fim_prefix, s.fim_suffix, s.fim_middle, s.fim_pad, s.repo_name, s.file_sep})
    if (token >= 0) stops.push_back(token);
  for (const std::string_view spelling : kEndSpellings)
    if (const engine::TokenId token = tokenizer.find_added(spelling); token >= 0)
      stops.push_back(token);
  std::sort(stops.begin(), stops.end());
  stops.erase(std::unique(stops.begin(), stops.end()), stops.end());
  return stops;
}

}  // namespace

LineEnds::LineEnds(const engine::Tokenizer& tokenizer)
    : group_of_(tokenizer.n_vocab(), kNone),
      silent_(tokenizer.n_vocab(), 0),
      texts_(1),
      members_(1),
      stops_(stops_of(tokenizer)) {
  std::unordered_map<std::string, uint32_t> known{{"", kEmpty}};
  const auto put = [&](engine::TokenId token, std::string text) {
    const auto [at, is_new] = known.emplace(std::move(text), static_cast<uint32_t>(texts_.size()));
    if (is_new) {
      texts_.push_back(at->first);
      members_.emplace_back();
    }
    group_of_[static_cast<size_t>(token)] = at->second;
    members_[at->second].push_back(token);
  };
  for (size_t i = 0; i < group_of_.size(); ++i) {
    const auto token = static_cast<engine::TokenId>(i);
    if (is_stop(token)) {
      put(token, "");
      continue;
    }
    const std::string_view bytes = tokenizer.bytes(token);
    silent_[i] = bytes.empty();
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) continue;
    const size_t last = bytes.substr(0, end).find_last_not_of(" \t\r");
    put(token, std::string(bytes.substr(0, last == std::string_view::npos ? 0 : last + 1)));
  }
}

bool LineEnds::is_stop(engine::TokenId token) const {
  return std::binary_search(stops_.begin(), stops_.end(), token);
}

}  // namespace engramd::daemon
