#include "repoindex/rank/history.h"

#include <algorithm>
#include <cmath>

#include "base/process.h"
#include "base/text.h"
#include "repoindex/index.h"
#include "repoindex/locate.h"
#include "repoindex/rank/bm25.h"
#include "repoindex/rank/corpus.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxFilesOfAChange = 20;  // larger ones are renames, reformatting, merges
constexpr size_t kMaxVoters = 60;
constexpr size_t kMaxChurnChanges = 1500;
constexpr double kChurnHalfLife = 400;  // changes until one counts 1/e
constexpr size_t kMaxMessageBytes = 16u << 10;
constexpr size_t kMaxPaths = 200000;
constexpr double kUnsure = 4;  // changes that a rarely changed file is taken to have had alone
constexpr int64_t kHeadTimeoutMs = 5000;

// git without what a repository's own settings could make it run.
std::vector<std::string> git_command(const std::filesystem::path& folder) {
  return {"git", "--no-pager",           "-C", folder.string(),
          "-c",  "core.fsmonitor=false", "-c", "log.showSignature=false"};
}

// Change logs, documents and tests change with everything.
bool is_code(std::string_view path) {
  return !path.empty() && !is_test_path(path) && is_ranked_language(language_of(std::string(path)));
}

}  // namespace

void ChangeLog::add(std::string commit, std::string_view message,
                    const std::vector<std::string>& files, TermTable& table) {
  Change change;
  change.commit = std::move(commit);
  std::vector<Term> words;
  for_each_word(message.substr(0, kMaxMessageBytes), [&](size_t, std::string_view word) {
    const std::vector<Term>& terms = table.terms(word);
    words.insert(words.end(), terms.begin(), terms.end());
  });
  change.n_terms = static_cast<uint32_t>(words.size());
  for (const std::string& file : files) {
    auto [known, fresh] = path_ids_.try_emplace(file, static_cast<uint32_t>(paths.size()));
    if (fresh) {
      if (paths.size() >= kMaxPaths) {
        path_ids_.erase(known);
        continue;
      }
      paths.push_back(file);
    }
    change.paths.push_back(known->second);
  }
  const auto id = static_cast<uint32_t>(changes.size());
  std::sort(words.begin(), words.end());
  for (size_t i = 0; i < words.size();) {
    size_t end = i;
    while (end < words.size() && words[end] == words[i]) ++end;
    messages[words[i]].push_back({id, static_cast<uint32_t>(end - i)});
    i = end;
  }
  changes.push_back(std::move(change));
}

Result<ChangeLogPtr> read_change_log(const std::filesystem::path& folder,
                                     const ChangeLogOptions& options, const CancelToken& cancel) {
  ProcessOptions process;
  process.argv = git_command(folder);
  for (const std::string& argument :
       {std::string("log"), std::string("--first-parent"), std::string("-m"),
        std::string("--name-only"), std::string("--no-renames"), std::string("--no-ext-diff"),
        std::string("--relative"), std::string("-z"), "-n" + std::to_string(options.max_changes),
        std::string("--format=%x01%H%x02%B%x03"), options.revision, std::string("--")}) {
    process.argv.push_back(argument);
  }
  process.wall_ms = options.max_ms;
  process.max_output_bytes = 64u << 10;
  std::string output;
  process.on_stdout = [&](std::string_view piece) {
    if (output.size() < options.max_bytes) output += piece;
  };
  auto log = std::make_shared<ChangeLog>();
  const Result<ProcessResult> done = run_process(process, cancel);
  ENGRAMD_CHECK(cancel.check());
  // No git, no repository, no commit yet: there is no history, which is no failure. What came
  // before a time-out is used: it is the newest part.
  if (!done) return log;
  TermTable table;
  const std::string_view text = output;
  for (size_t at = text.find('\x01'); at != std::string_view::npos;) {
    const size_t next = text.find('\x01', at + 1);
    const std::string_view record = text.substr(
        at + 1, next == std::string_view::npos ? std::string_view::npos : next - at - 1);
    at = next;
    const size_t message_at = record.find('\x02'), files_at = record.rfind('\x03');
    if (message_at == std::string_view::npos || files_at == std::string_view::npos ||
        files_at < message_at) {
      continue;
    }
    std::vector<std::string> files;
    size_t n_files = 0;
    const std::string_view list = record.substr(files_at + 1);
    for (size_t i = 0; i < list.size();) {
      size_t end = list.find('\0', i);
      if (end == std::string_view::npos) end = list.size();
      std::string_view file = list.substr(i, end - i);
      while (!file.empty() && file.front() == '\n') file.remove_prefix(1);
      if (is_code(file) && ++n_files <= kMaxFilesOfAChange) files.emplace_back(file);
      i = end + 1;
    }
    if (n_files > kMaxFilesOfAChange) files.clear();
    log->add(std::string(record.substr(0, message_at)),
             record.substr(message_at + 1, files_at - message_at - 1), files, table);
    if ((log->changes.size() & 255) == 0) ENGRAMD_CHECK(cancel.check());
  }
  return log;
}

Result<ChangeLogPtr> ChangeLogCache::log(const std::filesystem::path& folder,
                                         const std::string& commit, const CancelToken& cancel) {
  std::lock_guard lock(mutex_);
  const bool same_question = log_ != nullptr && folder == folder_ && commit == asked_;
  const auto now = std::chrono::steady_clock::now();
  if (same_question &&
      (!commit.empty() || now - checked_ < std::chrono::milliseconds(recheck_ms_))) {
    return log_;
  }
  std::string head = commit;
  if (head.empty()) {
    ProcessOptions process;
    process.argv = git_command(folder);
    process.argv.insert(process.argv.end(), {"rev-parse", "--verify", "-q", "HEAD"});
    process.wall_ms = kHeadTimeoutMs;
    const Result<ProcessResult> done = run_process(process, cancel);
    ENGRAMD_CHECK(cancel.check());
    if (done && done->ok()) head = std::string(trim(done->stdout_text));
    checked_ = now;
  }
  if (log_ == nullptr || folder != folder_ || head != head_) {
    if (head.empty()) {
      log_ = std::make_shared<ChangeLog>();
    } else {
      ChangeLogOptions options;
      options.revision = head;
      ENGRAMD_TRY(log_, read_change_log(folder, options, cancel));
    }
  }
  folder_ = folder;
  asked_ = commit;
  head_ = head;
  return log_;
}

PastChanges::PastChanges(ChangeLogPtr log, size_t first, size_t end)
    : log_(std::move(log)),
      first_(std::min(first, log_->changes.size())),
      end_(std::clamp(end, first_, log_->changes.size())) {}

std::vector<double> PastChanges::voted_by_messages(const TaskQuery& query) const {
  std::vector<double> votes(log_->paths.size(), 0);
  const size_t n = n_changes();
  double total = 0;
  for (size_t i = first_; i < end_; ++i) total += log_->changes[i].n_terms;
  const double mean = mean_of(total, n);
  std::vector<double> similar(n, 0);
  for (const TaskQuery::Item& item : query.items) {
    const auto found = log_->messages.find(item.term);
    if (found == log_->messages.end()) continue;
    const std::vector<ChangeLog::Posting>& postings = found->second;
    const auto before = [](const ChangeLog::Posting& posting, size_t change) {
      return posting.change < change;
    };
    const auto begin = std::lower_bound(postings.begin(), postings.end(), first_, before);
    const auto end = std::lower_bound(begin, postings.end(), end_, before);
    const double weight =
        item.weight * inverse_document_frequency(n, static_cast<size_t>(end - begin));
    for (auto posting = begin; posting != end; ++posting) {
      similar[posting->change - first_] +=
          weight * saturated(posting->count, log_->changes[posting->change].n_terms, mean);
    }
  }
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < n; ++i) {
    if (similar[i] > 0) order.push_back(i);
  }
  const size_t n_voters = std::min(order.size(), kMaxVoters);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n_voters),
                    order.end(), [&](uint32_t a, uint32_t b) {
                      return similar[a] != similar[b] ? similar[a] > similar[b] : a < b;
                    });
  for (size_t i = 0; i < n_voters; ++i) {
    const ChangeLog::Change& change = log_->changes[first_ + order[i]];
    for (uint32_t path : change.paths) {
      votes[path] +=
          similar[order[i]] * similar[order[i]] / static_cast<double>(change.paths.size());
    }
  }
  return votes;
}

std::vector<double> PastChanges::churn() const {
  std::vector<double> churn(log_->paths.size(), 0);
  const size_t end = std::min(end_, first_ + kMaxChurnChanges);
  for (size_t i = first_; i < end; ++i) {
    const double weight = std::exp(-static_cast<double>(i - first_) / kChurnHalfLife);
    for (uint32_t path : log_->changes[i].paths) churn[path] += weight;
  }
  for (double& value : churn) value = std::log1p(value);
  return churn;
}

std::vector<std::pair<uint32_t, double>> PastChanges::changed_with(uint32_t path) const {
  std::unordered_map<uint32_t, double> together;
  double n = 0;
  for (size_t i = first_; i < end_; ++i) {
    const std::vector<uint32_t>& paths = log_->changes[i].paths;
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) continue;
    ++n;
    for (uint32_t other : paths) {
      if (other != path) together[other] += 1;
    }
  }
  std::vector<std::pair<uint32_t, double>> likely;
  for (const auto& [other, count] : together) likely.push_back({other, count / (n + kUnsure)});
  std::sort(likely.begin(), likely.end());
  return likely;
}

}  // namespace engramd::repoindex
