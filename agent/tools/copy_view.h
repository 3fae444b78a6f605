// agent/tools/copy_view.h - the index of a run's copy: the user's own index, and over it the texts
// that differ.
//
// The copy is never scanned: what it shares with the user's tree is known there already, with git's
// history; what a run changes lies in an overlay, some milliseconds a file. One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/index.h"
#include "repoindex/view.h"

namespace engramd::repoindex {
class ParseHosts;
}

namespace engramd::agent {

class CopyView {
 public:
  // original: the user's tree. index: of that tree, or null: it is opened when first asked.
  CopyView(std::filesystem::path original, std::shared_ptr<repoindex::ParseHosts> hosts,
           std::shared_ptr<repoindex::RepoIndex> index);
  ~CopyView();

  // Error when the user's tree cannot be indexed.
  Result<repoindex::View> view(const CancelToken& cancel);

  // The text that the path has in the copy from now on, with its facts; kept until it is dropped.
  repoindex::FileFactsPtr set(const std::string& path, const std::string& text);
  void remove(const std::string& path);
  // The path is as in the user's tree again.
  void drop(const std::string& path);
  // Facts of a text that may yet be refused. The next set() of the same text costs nothing.
  repoindex::FileFactsPtr facts_of(const std::string& path, const std::string& text);

 private:
  repoindex::OpenDocument parsed(const std::string& path, const std::string& text);

  std::filesystem::path original_;
  std::shared_ptr<repoindex::ParseHosts> hosts_;
  std::shared_ptr<repoindex::RepoIndex> index_;
  bool fresh_ = false;               // the index was brought up to date
  repoindex::SnapshotPtr snapshot_;  // of the user's tree as the run began
  repoindex::SnapshotPtr without_removed_;
  std::map<std::string, std::unique_ptr<repoindex::Document>> documents_;
  std::shared_ptr<const repoindex::Overlay> overlay_;
  std::set<std::string> removed_;
  std::string last_path_;
  repoindex::OpenDocument last_;
  int64_t version_ = 0;
};

}  // namespace engramd::agent
