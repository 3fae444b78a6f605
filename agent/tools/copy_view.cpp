#include "agent/tools/copy_view.h"

#include <vector>

#include "repoindex/parse_hosts.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/file_table.h"

namespace engramd::agent {

using namespace repoindex;

CopyView::CopyView(std::filesystem::path original, std::shared_ptr<ParseHosts> hosts,
                   std::shared_ptr<RepoIndex> index)
    : original_(std::move(original)), hosts_(std::move(hosts)), index_(std::move(index)) {}
CopyView::~CopyView() = default;

Result<View> CopyView::view(const CancelToken& cancel) {
  if (!snapshot_) {
    if (!index_) {
      IndexOptions options;
      options.parse_hosts = hosts_;
      ENGRAMD_TRY(index_, RepoIndex::open(original_, options));
      ENGRAMD_CHECK(index_->refresh({}, cancel));
    } else if (index_->snapshot()->n_files() == 0) {
      ENGRAMD_CHECK(index_->refresh({}, cancel));
    }
    snapshot_ = index_->snapshot();
  }
  if (!without_removed_)
    without_removed_ = removed_.empty()
                           ? snapshot_
                           : snapshot_->with_changes(
                                 {}, std::vector<std::string>(removed_.begin(), removed_.end()));
  return View{without_removed_, overlay_, nullptr};
}

OpenDocument CopyView::parsed(const std::string& path, const std::string& text) {
  if (last_path_ == path && last_.text && *last_.text == text) return last_;
  auto& document = documents_[path];
  if (!document)
    document = open_guarded_document(hosts_, path, text, ++version_);
  else
    document->replace(text);
  document->set_version(++version_);
  last_ = document->publish();
  last_path_ = path;
  return last_;
}

FileFactsPtr CopyView::facts_of(const std::string& path, const std::string& text) {
  return parsed(path, text).facts;
}

FileFactsPtr CopyView::set(const std::string& path, const std::string& text) {
  auto next = overlay_ ? std::make_shared<Overlay>(*overlay_) : std::make_shared<Overlay>();
  OpenDocument document = parsed(path, text);
  FileFactsPtr facts = document.facts;
  (*next)[path] = std::move(document);
  overlay_ = std::move(next);
  if (removed_.erase(path) != 0) without_removed_ = nullptr;
  return facts;
}

void CopyView::remove(const std::string& path) {
  drop(path);
  removed_.insert(path);
  without_removed_ = nullptr;
}

void CopyView::drop(const std::string& path) {
  documents_.erase(path);
  if (last_path_ == path) last_path_.clear();
  if (removed_.erase(path) != 0) without_removed_ = nullptr;
  if (!overlay_ || !overlay_->contains(path)) return;
  auto next = std::make_shared<Overlay>(*overlay_);
  next->erase(path);
  overlay_ = std::move(next);
}

}  // namespace engramd::agent
