#include "repoindex/memory/nearest.h"

#include <algorithm>
#include <unordered_set>

#include "repoindex/query/imported.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/search/secrets.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxTextBytes = 1u << 20;
constexpr size_t kMinTextBytesForLineCheck = 4096;
constexpr size_t kMaxMeanLineBytes = 250;  // minified or generated

class Ranking {
 public:
  Ranking(const View& view, const std::string& near)
      : view_(view), near_(near), folder_(parent_path(near)) {
    FileFactsPtr facts = view.facts(near);
    if (facts == nullptr && view.snapshot) {
      // An open document whose text alone is known: what was saved of it imports much the same.
      if (const FileEntry* saved = view.snapshot->find(near)) facts = view.snapshot->facts(*saved);
    }
    if (facts != nullptr) {
      language_ = facts->language;
      for (std::string& path : imported_files(view, near, *facts))
        imported_.insert(std::move(path));
    }
  }

  void add(const std::string& path, const std::string& blob_id, std::string_view language,
           uint64_t n_bytes, bool open) {
    if (n_bytes == 0 || n_bytes > kMaxTextBytes || is_secret_path(path)) return;
    files_.push_back({path, blob_id, tier(path, language, open)});
  }

  std::vector<NearFile> take() {
    std::vector<size_t> shared(files_.size()), order(files_.size());
    for (size_t i = 0; i < files_.size(); ++i) {
      shared[i] = shared_folders(files_[i].path, near_);
      order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (files_[a].tier != files_[b].tier) return files_[a].tier < files_[b].tier;
      if (shared[a] != shared[b]) return shared[a] > shared[b];
      return files_[a].path < files_[b].path;
    });
    std::vector<NearFile> sorted;
    sorted.reserve(files_.size());
    for (const size_t i : order) sorted.push_back(std::move(files_[i]));
    return sorted;
  }

 private:
  int tier(const std::string& path, std::string_view language, bool open) const {
    if (path == near_ || open) return 0;
    if (imported_.count(path)) return 1;
    if (!near_.empty() && !language.empty() && parent_path(path) == folder_) return 2;
    if (!language.empty() && language == language_) return 3;
    return language.empty() || language == "json" ? 5 : 4;
  }

  const View& view_;
  const std::string near_, folder_;
  std::string language_;
  std::unordered_set<std::string> imported_;
  std::vector<NearFile> files_;
};

}  // namespace

std::vector<NearFile> nearest_first(const View& view, const std::string& near) {
  Ranking ranking(view, near);
  auto overlaid = [&](const std::string& path) {
    return view.overlay && view.overlay->count(path) > 0;
  };
  if (view.snapshot) {
    view.snapshot->for_each_file([&](const FileEntry& file) {
      if (!file.indexed) return;
      const FileSummary summary = view.snapshot->summary(file);
      ranking.add(file.path, file.blob_id, summary.language, summary.n_bytes, overlaid(file.path));
    });
  }
  if (view.overlay) {
    for (const auto& [path, document] : *view.overlay) {
      const FileEntry* known = view.snapshot ? view.snapshot->find(path) : nullptr;
      if (document.facts && document.text && !(known && known->indexed))
        ranking.add(path, {}, document.facts->language, document.text->size(), true);
    }
  }
  return ranking.take();
}

bool worth_learning(std::string_view text) {
  if (text.empty() || text.size() > kMaxTextBytes) return false;
  if (text.size() < kMinTextBytesForLineCheck) return true;
  const size_t lines = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  return text.size() / lines <= kMaxMeanLineBytes;
}

std::vector<TokenId> encode_without_secrets(std::string_view text, const TokenEncoder& encoder) {
  const std::vector<ByteRange> secrets = secret_lines(text);
  if (secrets.empty()) return encoder(text);
  std::vector<TokenId> tokens;
  size_t from = 0;
  auto take = [&](size_t end) {
    if (end > from) {
      const std::vector<TokenId> piece = encoder(text.substr(from, end - from));
      tokens.insert(tokens.end(), piece.begin(), piece.end());
    }
    tokens.push_back(-1);  // a separator
  };
  for (const ByteRange& secret : secrets) {
    take(secret.begin);
    from = secret.end;
  }
  take(text.size());
  return tokens;
}

}  // namespace engramd::repoindex
