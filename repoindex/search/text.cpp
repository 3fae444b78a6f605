#include "repoindex/search/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/thread_pool.h"
#include "repoindex/git/ignore.h"
#include "repoindex/search/find.h"
#include "repoindex/search/matcher.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kBinaryProbe = 8000;
constexpr size_t kMaxFileBytes = 64u << 20;
constexpr size_t kMaxLineBytes = 400, kMaxContext = 50;

struct Folder {
  int fd;
  explicit Folder(const std::filesystem::path& path)
      : fd(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~Folder() {
    if (fd >= 0) ::close(fd);
  }
  Folder(const Folder&) = delete;
};

// One worker's buffer: files are read into it one after the other. base/file.h's read_file clears
// memory and allocates for each, which is a third of the time of a search.
class FileBuffer {
 public:
  // Nothing when it cannot be read or is too big.
  std::optional<std::string_view> read(const Folder& folder, const std::string& path) {
    int fd = ::openat(folder.fd, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return std::nullopt;
    auto text = read_all(fd);
    ::close(fd);
    return text;
  }

 private:
  std::optional<std::string_view> read_all(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    auto size = static_cast<size_t>(info.st_size);
    if (size > kMaxFileBytes) return std::nullopt;
    grow(size);
    size_t done = 0;
    while (done < size) {  // what is appended meanwhile is for the next search
      ssize_t n = ::read(fd, bytes_.get() + done, size - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return std::string_view(bytes_.get(), done);
  }

  void grow(size_t wanted) {
    if (wanted <= capacity_) return;
    capacity_ = std::max(wanted, size_t{1} << 16);
    bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
  }

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
};

class Globs {
 public:
  explicit Globs(const std::vector<std::string>& globs) {
    for (const std::string& glob : globs) {
      bool without = !glob.empty() && glob[0] == '!';
      (without ? excluded_ : wanted_).add_pattern(without ? glob.substr(1) : glob, "");
    }
  }
  bool accept(std::string_view path) const {
    if (!wanted_.empty() && !wanted_.ignored_with_parents(path)) return false;
    return excluded_.empty() || !excluded_.ignored_with_parents(path);
  }

 private:
  IgnoreRules wanted_, excluded_;
};

// Line numbers of offsets that only grow: newlines are counted once. A text with \r needs the
// whole index, because a lone \r ends a line too.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {
    if (text.find('\r') != std::string_view::npos) index_.emplace(text);
  }
  LineColumn position(size_t offset) {
    if (index_) return index_->position(offset);
    line_ += static_cast<uint32_t>(count_newlines(text_.substr(counted_, offset - counted_)));
    counted_ = offset;
    size_t before = offset == 0 ? std::string_view::npos : text_.rfind('\n', offset - 1);
    size_t start = before == std::string_view::npos ? 0 : before + 1;
    return {line_, static_cast<uint32_t>(offset - start)};
  }

 private:
  std::string_view text_;
  std::optional<LineIndex> index_;
  size_t counted_ = 0;
  uint32_t line_ = 0;
};

std::string_view without_line_end(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

// The lines before and after the one in [begin, end).
void add_context(std::string_view text, size_t begin, size_t end, size_t n, TextHit& hit) {
  for (size_t at = begin; hit.before.size() < n && at > 0;) {
    size_t line_end = at - 1;
    size_t newline = line_end == 0 ? std::string_view::npos : text.rfind('\n', line_end - 1);
    at = newline == std::string_view::npos ? 0 : newline + 1;
    hit.before.insert(
        hit.before.begin(),
        std::string(without_line_end(text.substr(at, std::min(line_end - at, kMaxLineBytes)))));
  }
  for (size_t at = end; hit.after.size() < n && at + 1 < text.size();) {
    size_t line_end = std::min(text.find('\n', at + 1), text.size());
    hit.after.emplace_back(
        without_line_end(text.substr(at + 1, std::min(line_end - at - 1, kMaxLineBytes))));
    at = line_end;
  }
}

std::vector<TextHit> hits_in(std::string_view text, const std::string& path,
                             const TextMatcher& matcher, size_t n_context, size_t limit) {
  std::vector<TextHit> hits;
  auto found = matcher.next(text, 0);
  if (!found) return hits;
  LineCounter lines(text);
  while (found && hits.size() < limit) {
    TextHit hit;
    hit.place = {path, *found, lines.position(found->begin), {}};
    hit.place.end = lines.position(found->end);
    size_t begin = found->begin - hit.place.start.column;
    size_t end = std::min(text.find('\n', found->begin), text.size());
    hit.line =
        std::string(without_line_end(text.substr(begin, std::min(end - begin, kMaxLineBytes))));
    if (n_context > 0) add_context(text, begin, end, n_context, hit);
    size_t next = found->end;
    hits.push_back(std::move(hit));
    found = matcher.next(text, next);
  }
  return hits;
}

bool is_binary(std::string_view text) {
  size_t n = std::min(text.size(), kBinaryProbe);
  return n != 0 && std::memchr(text.data(), 0, n) != nullptr;
}

}  // namespace

Result<TextResult> search(const View& view, const TextQuery& query, const CancelToken& cancel) {
  ENGRAMD_TRY(const TextMatcher matcher, TextMatcher::compile(query));
  TextResult result;
  if (query.limit == 0) return result;
  const Globs globs(query.globs);
  std::vector<std::string> paths = view.paths();
  std::erase_if(paths, [&](const std::string& path) { return !globs.accept(path); });
  const Folder root(view.root());
  const bool in_folder = view.snapshot == nullptr || view.snapshot->commit().empty();
  std::vector<std::vector<TextHit>> found(paths.size());
  // Files are taken in order, so what has been taken is always a beginning of the list: once it
  // holds enough hits the rest cannot change the answer.
  std::atomic<size_t> next{0}, n_hits{0}, n_files{0}, n_binary{0}, n_unreadable{0};
  size_t n_threads = query.n_threads != 0 ? query.n_threads : hardware_threads();
  n_threads = std::clamp<size_t>(paths.size() / 16, 1, n_threads);
  ThreadPool::parallel_for(n_threads, n_threads, [&](size_t) {
    FileBuffer buffer;
    std::string of_commit;
    while (n_hits < query.limit && !cancel.cancelled()) {
      size_t i = next++;
      if (i >= paths.size()) return;
      std::optional<std::string_view> text;
      if (view.overlay != nullptr) {
        auto open = view.overlay->find(paths[i]);
        if (open != view.overlay->end() && open->second.text != nullptr) {
          text = *open->second.text;
        }
      }
      if (!text && in_folder) text = buffer.read(root, paths[i]);
      if (!text && !in_folder) {
        if (auto bytes = view.snapshot->read(paths[i], kMaxFileBytes)) {
          of_commit = std::move(*bytes);
          text = of_commit;
        }
      }
      if (!text) {
        ++n_unreadable;
        continue;
      }
      if (is_binary(*text)) {
        ++n_binary;
        continue;
      }
      ++n_files;
      found[i] =
          hits_in(*text, paths[i], matcher, std::min(query.n_context, kMaxContext), query.limit);
      n_hits += found[i].size();
    }
  });
  for (std::vector<TextHit>& hits : found) {
    for (TextHit& hit : hits) {
      if (result.hits.size() < query.limit) result.hits.push_back(std::move(hit));
    }
  }
  result.complete = n_hits < query.limit && !cancel.cancelled();
  result.n_files = n_files;
  result.n_binary = n_binary;
  result.n_unreadable = n_unreadable;
  return result;
}

std::vector<TextHit> search_text(const View& view, std::string_view needle, size_t limit,
                                 const CancelToken& cancel) {
  TextQuery query;
  query.pattern = std::string(needle);
  query.limit = limit;
  auto result = search(view, query, cancel);
  return result ? std::move(result->hits) : std::vector<TextHit>();
}

}  // namespace engramd::repoindex
