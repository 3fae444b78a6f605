// A document whose texts are tried in a parse host before a parser of ours gets them.
#include "repoindex/git/work_tree.h"
#include "repoindex/parse/extract.h"
#include "repoindex/parse/text_tree.h"
#include "repoindex/parse_hosts.h"
#include "repoindex/store/blob_bytes.h"

namespace engramd::repoindex {

namespace {

// What a person types between two questions is smaller; what is pasted or generated is not.
constexpr size_t kMaxTyped = 4096;
// A text that ends hosts is not tried again at every key.
constexpr auto kTryAgain = std::chrono::seconds(30);
// An editor waits for this one; a text that takes longer has names only, and is not held guilty.
constexpr auto kMaxWait = std::chrono::seconds(10);

class GuardedDocument : public Document {
 public:
  GuardedDocument(std::shared_ptr<ParseHosts> hosts, const Language& language,
                  std::unique_ptr<Document> inner)
      : hosts_(std::move(hosts)), language_(language), inner_(std::move(inner)) {}

  void edit(ByteRange range, std::string_view replacement) override {
    inner_->edit(range, replacement);
    n_typed_ += replacement.size();
    if (state_ == State::trusted && n_typed_ > kMaxTyped) state_ = State::untried;
    facts_ = nullptr;
  }

  void replace(std::string text) override {
    inner_->replace(std::move(text));
    if (state_ == State::trusted) state_ = State::untried;
    facts_ = nullptr;
  }

  void set_version(int64_t version) override {
    inner_->set_version(version);
    version_ = version;
  }
  const std::string& text() const override { return inner_->text(); }
  const LineIndex& lines() const override { return inner_->lines(); }

  OpenDocument text_alone() const override { return inner_->text_alone(); }

  OpenDocument publish() override {
    const ExtractLimits limits;
    // What is too big for a grammar is only scanned, by our own code.
    if (state_ == State::trusted || text().size() > limits.max_bytes) {
      if (facts_ == nullptr) return inner_->publish();
    } else if (facts_ == nullptr) {
      facts_ = try_text(limits);
      if (facts_ == nullptr) return inner_->publish();  // no host: a stated fallback
    }
    auto shared = std::make_shared<const std::string>(text());
    // A host has survived it, so that whoever asks for its tree may parse it here.
    auto tree = state_ == State::trusted ? TextTree::to_make(shared, language_.name) : nullptr;
    return {std::move(shared), std::make_shared<LineIndex>(lines()), facts_, version_,
            std::move(tree)};
  }

 private:
  enum class State { untried, trusted, failed };

  // Null when there is no host to try it in.
  FileFactsPtr try_text(const ExtractLimits& limits) {
    if (state_ != State::failed || Clock::now() >= try_again_) {
      const CancelSource deadline(CancelToken(), Clock::now() + kMaxWait);
      auto blob =
          hosts_->parse(language_, text(), git_blob_id(text()), limits.max_bytes, deadline.token());
      auto facts = blob ? facts_of_blob(*blob) : Result<FileFactsPtr>(fail(blob.error()));
      if (facts) {
        state_ = State::trusted;
        n_typed_ = 0;
        return *facts;
      }
      if (facts.error().code == ErrorCode::unavailable) return nullptr;
      state_ = State::failed;
      try_again_ = Clock::now() + kTryAgain;
    }
    ExtractLimits names_only;
    names_only.max_bytes = 0;
    return Extractor().extract(&language_, text(), {}, names_only);
  }

  const std::shared_ptr<ParseHosts> hosts_;
  const Language& language_;
  const std::unique_ptr<Document> inner_;  // its parser gets texts that are trusted only
  State state_ = State::untried;
  size_t n_typed_ = 0;  // since a host has seen the text
  Clock::time_point try_again_{};
  int64_t version_ = 0;
  FileFactsPtr facts_;  // a host's or names only, of the text as it is; else null
};

}  // namespace

std::unique_ptr<Document> open_guarded_document(std::shared_ptr<ParseHosts> hosts,
                                                const std::string& path, std::string text,
                                                int64_t version, const std::string& language) {
  const Language* row = language.empty() ? nullptr : find_language(language);
  if (row == nullptr) row = language_for_path(path, text);
  auto inner = Document::open(path, std::move(text), version, language);
  if (hosts == nullptr || row == nullptr) return inner;
  auto guarded = std::make_unique<GuardedDocument>(std::move(hosts), *row, std::move(inner));
  guarded->set_version(version);
  return guarded;
}

}  // namespace engramd::repoindex
