#include "agent/loop/trajectory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "agent/model/message_json.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "engramd-trajectory-2";
constexpr uint64_t kMaxBytes = 1ull << 30;

std::string utc_now(const char* layout) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char buffer[64];
  return {buffer, std::strftime(buffer, sizeof buffer, layout, &parts)};
}

std::string as_line(const json& record) {
  // Output of other programs may be no UTF-8 at all: replaced, never an exception.
  return record.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

json first_record(const Trajectory& t) {
  json messages = json::array();
  for (const Message& message : t.messages) messages.push_back(to_json(message));
  json record = {{"type", "start"},        {"format", kFormat},   {"started", t.started},
                 {"task", t.task},         {"repo", t.repo},      {"model", t.model},
                 {"test", t.test_command}, {"messages", messages}};
  if (!t.test_report.empty()) record["test_report"] = t.test_report;
  return record;
}

Status add_message(Trajectory& t, const json& value) {
  ENGRAMD_TRY(Message message, message_from_json(value));
  t.messages.push_back(std::move(message));
  return {};
}

Status apply_start(Trajectory& t, const json& record) {
  if (record.value("format", "") != kFormat)
    return fail(ErrorCode::corrupt, std::string("expected the format ") + kFormat);
  t = Trajectory();
  t.started = record.value("started", "");
  t.task = record.at("task").get<std::string>();
  t.repo = record.at("repo").get<std::string>();
  t.model = record.at("model").get<std::string>();
  t.test_command = record.value("test", "");
  t.test_report = record.value("test_report", "");
  for (const json& item : record.at("messages")) ENGRAMD_CHECK(add_message(t, item));
  return {};
}

Status apply_reply(Trajectory& t, const json& record) {
  ENGRAMD_CHECK(add_message(t, record.at("message")));
  const Usage usage = usage_from_json(record.value("usage", json()));
  t.usage.prompt_tokens += usage.prompt_tokens;
  t.usage.cached_tokens += usage.cached_tokens;
  t.usage.completion_tokens += usage.completion_tokens;
  t.cost += record.value("cost", 0.0);
  t.model_s += record.value("seconds", 0.0);
  t.exit.clear();
  return {};
}

Status apply_answer(Trajectory& t, const json& record) {
  ENGRAMD_CHECK(add_message(t, record.at("message")));
  t.steps.push_back({record.at("tool").get<std::string>(), record.value("arguments", "{}"),
                     record.at("ok").get<bool>(), record.value("seconds", 0.0)});
  if (const auto files = record.find("files"); files != record.end())
    for (const auto& [path, text] : files->items())
      t.changed[path] = text.is_null() ? std::nullopt : std::optional(text.get<std::string>());
  if (const auto paths = record.find("as_before"); paths != record.end())
    for (const json& path : *paths) t.changed.erase(path.get<std::string>());
  if (const auto hashes = record.find("base"); hashes != record.end())
    for (const auto& [path, hash] : hashes->items())
      t.base_hashes.emplace(path, hash.get<std::string>());
  if (const auto patch = record.find("patch"); patch != record.end())
    t.patch = patch->get<std::string>();
  t.exit.clear();
  return {};
}

Status apply_note(Trajectory& t, const json& record) {
  ENGRAMD_CHECK(add_message(t, record.at("message")));
  t.notes.push_back({t.messages.size() - 1, record.value("why", "")});
  return {};
}

Status apply_elision(Trajectory& t, const json& record) {
  for (const json& item : record.at("messages")) {
    const auto index = item.get<size_t>();
    if (index >= t.messages.size())
      return fail(ErrorCode::corrupt, "a message that is not there is left out of the prompt");
    t.elided.push_back(index);
  }
  return {};
}

Status apply_reproduction(Trajectory& t, const json& record) {
  t.reproduction_json = record.at("test").dump();
  return {};
}

Status apply_resumption(Trajectory& t, const json&) {
  ++t.n_resumed;
  t.exit.clear();
  t.problem.clear();
  return {};
}

Status apply_end(Trajectory& t, const json& record) {
  t.exit = record.at("exit").get<std::string>();
  t.summary = record.value("summary", "");
  t.problem = record.value("problem", "");
  t.wall_s += record.value("wall_s", 0.0);
  return {};
}

struct RecordKind {
  const char* type;
  Status (*apply)(Trajectory&, const json&);
};
constexpr RecordKind kRecordKinds[] = {
    {"start", apply_start},        {"reply", apply_reply},   {"answer", apply_answer},
    {"note", apply_note},          {"elide", apply_elision}, {"reproduction", apply_reproduction},
    {"resumed", apply_resumption}, {"end", apply_end},
};

// Types are checked by the library, which throws; a file is foreign input.
Status apply_record(Trajectory& t, const json& record) {
  if (!record.is_object()) return fail(ErrorCode::corrupt, "it is not a JSON object");
  try {
    const std::string type = record.value("type", "");
    for (const RecordKind& kind : kRecordKinds)
      if (type == kind.type) return kind.apply(t, record);
    return {};  // of a newer version: nothing that resuming needs
  } catch (const json::exception& error) {
    return fail(ErrorCode::corrupt, error.what());
  }
}

struct ReadRecords {
  Trajectory trajectory;
  bool started = false;
  size_t n_whole_bytes = 0;  // up to the end of the last line that could be read
  size_t n_damaged = 0;
  std::optional<Error> problem;  // the first damage that is not a torn last line
};

ReadRecords read_records(const std::string& text) {
  ReadRecords out;
  size_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    ++line_number;
    const size_t newline = text.find('\n', begin);
    const bool is_last = newline == std::string::npos || newline + 1 == text.size();
    const size_t end = newline == std::string::npos ? text.size() : newline;
    const json record =
        json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                    text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const bool is_torn = newline == std::string::npos || record.is_discarded();
    Status applied =
        record.is_discarded() ? Status(fail(ErrorCode::corrupt, "it is not JSON")) : Status();
    if (applied && !out.started && (!record.is_object() || record.value("type", json()) != "start"))
      applied = fail(ErrorCode::corrupt, "the first line does not say what the run is about");
    if (applied && !is_torn) applied = apply_record(out.trajectory, record);
    if (applied && !is_torn) {
      out.started = true;
      out.n_whole_bytes = end + 1;
    } else {
      ++out.n_damaged;
      if (!(is_torn && is_last && out.started) && !out.problem)
        out.problem = applied ? Error{ErrorCode::corrupt, "line 1 is cut off"}
                              : applied.error().with("line " + std::to_string(line_number));
    }
    begin = end + 1;
  }
  return out;
}

Error not_a_trajectory(const std::filesystem::path& file, const std::string& why) {
  return {ErrorCode::corrupt, file.string() + " is not a trajectory: " + why};
}

Result<int> open_locked(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd < 0) return fail(errno_error("cannot open " + file.string(), errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(ErrorCode::unavailable,
                "another engramd is at work on the run in " + file.string());
  }
  return fd;
}

}  // namespace

size_t Trajectory::n_turns() const {
  return static_cast<size_t>(std::count_if(
      messages.begin(), messages.end(),
      [](const Message& message) { return message.role == Message::Role::assistant; }));
}

TrajectoryFile& TrajectoryFile::operator=(TrajectoryFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(n_bytes_, other.n_bytes_);
  return *this;
}

TrajectoryFile::~TrajectoryFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<TrajectoryFile> TrajectoryFile::create(const std::filesystem::path& file,
                                              const Trajectory& beginning) {
  std::error_code error;
  // A run that another process is at work on is never replaced.
  if (std::filesystem::exists(file, error)) {
    ENGRAMD_TRY(const int fd, open_locked(file));
    ::close(fd);
  }
  Trajectory first = beginning;
  if (first.started.empty()) first.started = utc_now("%Y-%m-%dT%H:%M:%SZ");
  const std::string line = as_line(first_record(first));
  ENGRAMD_CHECK(write_file_atomic(file, line, 0600, true));
  TrajectoryFile out;
  out.path_ = file;
  ENGRAMD_TRY(out.fd_, open_locked(file));
  out.n_bytes_ = line.size();
  return out;
}

Result<TrajectoryFile> TrajectoryFile::reopen(const std::filesystem::path& file,
                                              Trajectory& loaded) {
  TrajectoryFile out;
  out.path_ = file;
  ENGRAMD_TRY(out.fd_, open_locked(file));
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxBytes));
  ReadRecords records = read_records(text);
  if (records.problem) return fail(not_a_trajectory(file, records.problem->message));
  if (!records.started) return fail(not_a_trajectory(file, "it is empty"));
  if (records.n_whole_bytes < text.size() &&
      ::ftruncate(out.fd_, static_cast<off_t>(records.n_whole_bytes)) != 0)
    return fail(errno_error("cannot cut the torn end off " + file.string(), errno));
  out.n_bytes_ = records.n_whole_bytes;
  loaded = std::move(records.trajectory);
  return out;
}

Status TrajectoryFile::add(Trajectory& to, const json& record) {
  ENGRAMD_CHECK(apply_record(to, record));
  if (fd_ < 0) return {};
  const std::string line = as_line(record);
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(fd_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int reason = errno;
      // Half a line would be damage in the middle once the disk has room again.
      (void)!::ftruncate(fd_, static_cast<off_t>(n_bytes_));
      return fail(errno_error("cannot save the run to " + path_.string(), reason));
    }
    done += static_cast<size_t>(n);
  }
  n_bytes_ += line.size();
  if (::fdatasync(fd_) != 0)
    return fail(errno_error("cannot save the run to " + path_.string(), errno));
  return {};
}

Status TrajectoryFile::add_reply(Trajectory& to, const Message& message, const Usage& usage,
                                 double cost, double seconds) {
  return add(to, {{"type", "reply"},
                  {"message", to_json(message)},
                  {"usage", to_json(usage)},
                  {"cost", cost},
                  {"seconds", seconds}});
}

Status TrajectoryFile::add_answer(Trajectory& to, const Message& message,
                                  const TrajectoryStep& step, const FileRecords& files,
                                  const std::map<std::string, std::string>& base_hashes,
                                  const std::optional<std::string>& patch) {
  json record = {{"type", "answer"},
                 {"step", to.steps.size() + 1},
                 {"tool", step.tool},
                 {"arguments", step.arguments_json},
                 {"ok", step.ok},
                 {"seconds", step.seconds},
                 {"message", to_json(message)}};
  for (const auto& [path, text] : files.written)
    record["files"][path] = text ? json(*text) : json();
  if (!files.as_before.empty()) record["as_before"] = files.as_before;
  if (!base_hashes.empty()) record["base"] = base_hashes;
  if (patch) record["patch"] = *patch;
  return add(to, record);
}

Status TrajectoryFile::add_note(Trajectory& to, const Message& message, const std::string& why) {
  return add(to, {{"type", "note"}, {"why", why}, {"message", to_json(message)}});
}

Status TrajectoryFile::add_elision(Trajectory& to, const std::vector<size_t>& messages) {
  return add(to, {{"type", "elide"}, {"messages", messages}});
}

Status TrajectoryFile::add_reproduction(Trajectory& to, const std::string& json_text) {
  return add(to, {{"type", "reproduction"}, {"test", json::parse(json_text, nullptr, false)}});
}

Status TrajectoryFile::add_resumption(Trajectory& to) {
  return add(to, {{"type", "resumed"}, {"time", utc_now("%Y-%m-%dT%H:%M:%SZ")}});
}

Status TrajectoryFile::add_end(Trajectory& to, const std::string& exit, const std::string& summary,
                               const std::string& problem, double wall_s) {
  return add(to, {{"type", "end"},
                  {"exit", exit},
                  {"summary", summary},
                  {"problem", problem},
                  {"patch", to.patch},
                  {"wall_s", wall_s}});
}

Result<Trajectory> load_trajectory(const std::filesystem::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxBytes));
  ReadRecords records = read_records(text);
  if (records.problem) return fail(not_a_trajectory(file, records.problem->message));
  if (!records.started) return fail(not_a_trajectory(file, "it is empty"));
  return std::move(records.trajectory);
}

Result<SalvagedTrajectory> salvage_trajectory(const std::filesystem::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxBytes));
  ReadRecords records = read_records(text);
  if (!records.started)
    return fail(not_a_trajectory(file, records.problem ? records.problem->message : "it is empty"));
  return SalvagedTrajectory{std::move(records.trajectory), records.n_damaged};
}

std::filesystem::path new_trajectory_path(const std::filesystem::path& state_folder) {
  const std::string name = utc_now("%Y%m%dT%H%M%SZ") + "-" + std::to_string(::getpid());
  // One daemon may begin several runs in a second, on several threads.
  static std::atomic<unsigned> counter{0};
  return state_folder / "trajectories" /
         (name + "-" + std::to_string(counter.fetch_add(1)) + ".jsonl");
}

}  // namespace engramd::agent
