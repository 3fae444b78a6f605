#include "repoindex/memory/store.h"

#include <algorithm>
#include <numeric>

#include "repoindex/git/work_tree.h"
#include "repoindex/memory/nearest.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMergeFactor = 4;        // pieces within this factor of the sum so far are merged
constexpr size_t kMinSavedTokens = 8192;  // less is encoded again sooner than it is worth a file
constexpr size_t kMaxNotLearnt = 1u << 18;
constexpr size_t kSha1Digits = 40;

// The snapshot's blob, or nothing when the file has moved on: the next snapshot will have it.
std::optional<std::string> text_of(const View& view, const NearFile& file) {
  std::optional<std::string> text = View{view.snapshot, nullptr, nullptr}.text(file.path);
  if (text && file.blob_id.size() == kSha1Digits && git_blob_id(*text) != file.blob_id)
    return std::nullopt;
  return text;
}

}  // namespace

MemoryStore::MemoryStore(std::filesystem::path root, TokenEncoder encoder,
                         MemoryStoreOptions options)
    : root_(std::move(root)),
      encoder_(std::move(encoder)),
      options_([&] {
        options.memory = bounded(options.memory);
        return options;
      }()),
      files_(options_.folder, root_, options_.tokenizer, options_.max_disk_bytes) {}

Result<std::shared_ptr<const RepositoryMemory>> MemoryStore::update(const View& view,
                                                                    const std::string& near,
                                                                    const CancelToken& cancel) {
  std::lock_guard work(work_);
  load();
  std::vector<std::pair<std::string, std::string>> wanted;
  Documents fresh;
  std::unordered_set<std::string> fresh_blobs;
  size_t n = 0, n_fresh = 0;
  for (NearFile& file : nearest_first(view, near)) {
    if (n >= options_.memory.max_tokens) break;
    if (file.blob_id.empty() || not_learnt_.count(file.blob_id)) continue;
    const auto known = place_of_blob_.find(file.blob_id);
    if (known != place_of_blob_.end()) {
      const Place place = known->second;
      n += pieces_[place.piece].piece->documents()[place.document].n_tokens();
    } else if (!fresh_blobs.count(file.blob_id)) {
      ENGRAMD_CHECK(cancel.check());
      const std::optional<std::string> text = text_of(view, file);
      if (!text) continue;
      if (!worth_learning(*text)) {
        if (not_learnt_.size() < kMaxNotLearnt) not_learnt_.insert(file.blob_id);
        continue;
      }
      fresh.emplace_back(file.blob_id, encode_without_secrets(*text, encoder_));
      fresh_blobs.insert(file.blob_id);
      ++stats_.n_encoded;
      n += fresh.back().second.size();
      n_fresh += fresh.back().second.size();
    }
    wanted.emplace_back(std::move(file.path), std::move(file.blob_id));
    const bool first = pieces_.empty();
    if (n_fresh >= (first ? options_.first_piece_tokens : options_.max_piece_tokens)) {
      ENGRAMD_CHECK(add_piece(fresh, cancel));
      fresh_blobs.clear();
      n_fresh = 0;
      if (first) {
        wanted_ = wanted;
        publish();
      }
    }
  }
  ENGRAMD_CHECK(add_piece(fresh, cancel));
  wanted_ = std::move(wanted);
  publish();
  return memory();
}

Result<bool> MemoryStore::tidy(const CancelToken& cancel) {
  std::lock_guard work(work_);
  if (!parts_) return false;
  const std::vector<size_t> chosen = pieces_to_merge();
  if (chosen.empty()) return false;
  Documents documents;
  for (const size_t p : chosen) {
    const MemoryPiece& piece = *pieces_[p].piece;
    for (size_t d = 0; d < piece.documents().size(); ++d) {
      if (!parts_->parts[p].paths[d].empty())
        documents.emplace_back(piece.documents()[d].key, piece.tokens_of(piece.documents()[d]));
    }
  }
  MemoryPiecePtr merged;
  if (!documents.empty()) {
    ENGRAMD_TRY(merged, MemoryPiece::build(documents, options_.memory.max_context, cancel));
    stats_.n_sorted_tokens += merged->n_tokens();
  }
  std::vector<Owned> gone;
  for (size_t i = chosen.size(); i-- > 0;) {  // they rise
    gone.push_back(std::move(pieces_[chosen[i]]));
    pieces_.erase(pieces_.begin() + static_cast<ptrdiff_t>(chosen[i]));
  }
  if (merged) {
    std::string file = merged->n_tokens() >= kMinSavedTokens ? files_.save(*merged) : std::string();
    pieces_.push_back({std::move(merged), std::move(file)});
  }
  // Only now: a process that ends here finds the old ones or the new one.
  for (const Owned& old : gone) files_.remove(old.file);
  index_pieces();
  publish();
  return true;
}

std::shared_ptr<const RepositoryMemory> MemoryStore::memory() const {
  std::lock_guard lock(published_);
  return memory_;
}

MemoryStoreStats MemoryStore::stats() const {
  std::lock_guard work(work_);
  MemoryStoreStats stats = stats_;
  stats.n_pieces = pieces_.size();
  if (parts_) stats.n_tokens = parts_->n_tokens();
  for (const Owned& owned : pieces_) stats.n_dead_tokens += owned.piece->n_tokens();
  stats.n_dead_tokens -= std::min(stats.n_dead_tokens, stats.n_tokens);
  stats.bytes_on_disk = files_.bytes_on_disk();
  return stats;
}

void MemoryStore::load() {
  if (std::exchange(loaded_, true)) return;
  for (PieceFiles::Stored& stored :
       files_.load(options_.memory.max_context, 2 * options_.memory.max_tokens)) {
    pieces_.push_back({std::move(stored.piece), std::move(stored.name)});
    ++stats_.n_loaded;
  }
  index_pieces();
}

// The first piece that has a blob counts; its copies elsewhere are dead.
void MemoryStore::index_pieces() {
  place_of_blob_.clear();
  for (uint32_t p = 0; p < pieces_.size(); ++p) {
    const auto& documents = pieces_[p].piece->documents();
    for (uint32_t d = 0; d < documents.size(); ++d)
      place_of_blob_.try_emplace(documents[d].key, Place{p, d});
  }
}

Status MemoryStore::add_piece(Documents& documents, const CancelToken& cancel) {
  if (documents.empty()) return {};
  ENGRAMD_TRY(auto piece, MemoryPiece::build(documents, options_.memory.max_context, cancel));
  documents.clear();
  stats_.n_sorted_tokens += piece->n_tokens();
  const uint32_t p = static_cast<uint32_t>(pieces_.size());
  for (uint32_t d = 0; d < piece->documents().size(); ++d)
    place_of_blob_.try_emplace(piece->documents()[d].key, Place{p, d});
  std::string file = piece->n_tokens() >= kMinSavedTokens ? files_.save(*piece) : std::string();
  pieces_.push_back({std::move(piece), std::move(file)});
  return {};
}

void MemoryStore::publish() {
  auto parts = std::make_shared<MemoryParts>();
  for (const Owned& owned : pieces_) parts->add(owned.piece);
  for (const auto& [path, blob] : wanted_) {
    const auto found = place_of_blob_.find(blob);
    if (found != place_of_blob_.end())
      parts->set_path(found->second.piece, found->second.document, path);
  }
  parts->seal();
  parts_ = parts;
  auto memory = make_memory(std::move(parts), options_.memory);
  std::lock_guard lock(published_);
  memory_ = std::move(memory);
}

// Indexes of pieces, rising; empty: all is well.
std::vector<size_t> MemoryStore::pieces_to_merge() const {
  std::vector<size_t> by_size(pieces_.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  auto live = [&](size_t p) { return parts_->parts[p].n_live; };
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return live(a) < live(b); });
  // The smallest with all that are not much bigger than the smaller ones together.
  std::vector<size_t> chosen;
  size_t sum = 0;
  for (const size_t p : by_size) {
    if (sum + live(p) > options_.max_piece_tokens) break;
    if (!chosen.empty() && live(p) > kMergeFactor * sum) break;
    chosen.push_back(p);
    sum += live(p);
  }
  if (chosen.size() < 2) {
    // The dead are as many as the living.
    chosen.clear();
    for (const size_t p : by_size) {
      if (pieces_[p].piece->n_tokens() >= 2 * live(p)) {
        chosen.push_back(p);
        break;
      }
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace engramd::repoindex
