#include "repoindex/store/cache.h"

#include <grammar_pin.h>
#include <sqlite3.h>

#include <chrono>
#include <mutex>

#include "base/file.h"
#include "repoindex/parse/extract.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr int64_t kDay = 86400;
constexpr const char* kFileName = "facts-1.db";

int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct DatabaseDeleter {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct StatementDeleter {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using Database = std::unique_ptr<sqlite3, DatabaseDeleter>;
using Statement = std::unique_ptr<sqlite3_stmt, StatementDeleter>;

bool means_damage(int code) {
  code &= 0xFF;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_FORMAT;
}

class SqliteCache : public FactsCache {
 public:
  SqliteCache(fs::path folder, uint64_t max_bytes)
      : folder_(std::move(folder)), file_(folder_ / kFileName), max_bytes_(max_bytes) {
    std::lock_guard lock(mutex_);
    open_database();
  }

  FileFactsPtr get(const std::string& key) override {
    std::string record;
    {
      std::lock_guard lock(mutex_);
      if (select_ == nullptr) return nullptr;
      bind_text(select_.get(), 1, key);
      int code = sqlite3_step(select_.get());
      if (code == SQLITE_ROW) {
        const void* data = sqlite3_column_blob(select_.get(), 0);
        int n = sqlite3_column_bytes(select_.get(), 0);
        if (data != nullptr && n > 0)
          record.assign(static_cast<const char*>(data), static_cast<size_t>(n));
        if (sqlite3_column_int64(select_.get(), 1) < now_s() - kDay) used_.push_back(key);
      }
      sqlite3_reset(select_.get());
      if (code != SQLITE_ROW && code != SQLITE_DONE) {
        failed("reading", code);
        return nullptr;
      }
    }
    if (record.empty()) return nullptr;
    auto facts = decode_facts(record);
    if (facts) return *facts;
    std::lock_guard lock(mutex_);
    ++n_damaged_;
    return nullptr;
  }

  void put(const std::vector<std::pair<std::string, FileFactsPtr>>& facts) override {
    // Encoded before the lock is taken: compression is the slow part.
    std::vector<std::string> records;
    records.reserve(facts.size());
    for (const auto& [key, value] : facts) records.push_back(encode_facts(*value));
    std::lock_guard lock(mutex_);
    if (facts.empty() && used_.empty()) return;
    write([&]() -> int {
      Statement insert =
          prepare("INSERT OR REPLACE INTO facts(key, used, data) VALUES(?1, ?2, ?3)");
      Statement touch = prepare("UPDATE facts SET used = ?2 WHERE key = ?1");
      if (insert == nullptr || touch == nullptr) return sqlite3_errcode(db_.get());
      for (size_t i = 0; i < facts.size(); ++i) {
        bind_text(insert.get(), 1, facts[i].first);
        sqlite3_bind_int64(insert.get(), 2, now_s());
        sqlite3_bind_blob64(insert.get(), 3, records[i].data(), records[i].size(), SQLITE_STATIC);
        int code = sqlite3_step(insert.get());
        sqlite3_reset(insert.get());
        if (code != SQLITE_DONE) return code;
      }
      for (const std::string& key : used_) {
        bind_text(touch.get(), 1, key);
        sqlite3_bind_int64(touch.get(), 2, now_s());
        int code = sqlite3_step(touch.get());
        sqlite3_reset(touch.get());
        if (code != SQLITE_DONE) return code;
      }
      used_.clear();
      return SQLITE_DONE;
    });
    evict();
  }

  std::vector<FileStamp> stamps(const std::string& root) override {
    std::lock_guard lock(mutex_);
    if (db_ == nullptr) return {};
    Statement select = prepare("SELECT data FROM stamps WHERE root = ?1");
    if (select == nullptr) {
      failed("reading", sqlite3_errcode(db_.get()));
      return {};
    }
    bind_text(select.get(), 1, root);
    int code = sqlite3_step(select.get());
    if (code == SQLITE_ROW) {
      auto data = static_cast<const char*>(sqlite3_column_blob(select.get(), 0));
      auto n = static_cast<size_t>(sqlite3_column_bytes(select.get(), 0));
      auto decoded =
          decode_stamps(data != nullptr ? std::string_view(data, n) : std::string_view());
      if (decoded) return std::move(*decoded);
      ++n_damaged_;
      return {};
    }
    select.reset();
    if (code != SQLITE_DONE) failed("reading", code);
    return {};
  }

  void put_stamps(const std::string& root, const std::vector<FileStamp>& stamps) override {
    std::string record = encode_stamps(stamps);
    std::lock_guard lock(mutex_);
    write([&]() -> int {
      Statement insert =
          prepare("INSERT OR REPLACE INTO stamps(root, used, data) VALUES(?1, ?2, ?3)");
      if (insert == nullptr) return sqlite3_errcode(db_.get());
      bind_text(insert.get(), 1, root);
      sqlite3_bind_int64(insert.get(), 2, now_s());
      sqlite3_bind_blob64(insert.get(), 3, record.data(), record.size(), SQLITE_STATIC);
      return sqlite3_step(insert.get());
    });
  }

  uint64_t bytes_on_disk() const override {
    uint64_t sum = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code error;
      auto n = fs::file_size(file_.string() + suffix, error);
      if (!error) sum += n;
    }
    return sum;
  }

  std::vector<std::string> take_notes() override {
    std::lock_guard lock(mutex_);
    if (n_damaged_ > 0) {
      notes_.push_back("cache: " + std::to_string(n_damaged_) +
                       " damaged records, their files were parsed again");
      n_damaged_ = 0;
    }
    return std::exchange(notes_, {});
  }

 private:
  static void bind_text(sqlite3_stmt* statement, int index, const std::string& text) {
    sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }

  Statement prepare(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr);
    return Statement(raw);
  }

  int run(const char* sql) { return sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr); }

  int try_open() {
    sqlite3* raw = nullptr;
    int code = sqlite3_open_v2(file_.c_str(), &raw,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                               nullptr);
    db_.reset(raw);
    if (code != SQLITE_OK) return code;
    sqlite3_busy_timeout(raw, 3000);
    code = run("PRAGMA journal_mode=WAL");
    if (code == SQLITE_OK) {
      // NORMAL: after a power cut the last facts may be gone, never wrong.
      code =
          run("PRAGMA synchronous=NORMAL;"
              "CREATE TABLE IF NOT EXISTS facts(key TEXT NOT NULL, used INTEGER NOT NULL, data "
              "BLOB NOT "
              "NULL);"
              "CREATE UNIQUE INDEX IF NOT EXISTS facts_by_key ON facts(key);"
              "CREATE TABLE IF NOT EXISTS stamps(root TEXT PRIMARY KEY, used INTEGER NOT NULL, "
              "data BLOB "
              "NOT NULL);");
    }
    if (code != SQLITE_OK) return code;
    select_ = prepare("SELECT data, used FROM facts WHERE key = ?1");
    return select_ != nullptr ? SQLITE_OK : sqlite3_errcode(raw);
  }

  void open_database() {
    if (auto made = make_directories(folder_, 0700); !made) {
      notes_.push_back("cache not writable (" + made.error().message +
                       "): every start parses all files again");
      return;
    }
    int code = try_open();
    if (means_damage(code)) {
      set_aside();
      code = try_open();
    }
    if (code != SQLITE_OK) {
      notes_.push_back("cache not usable (" + file_.string() + ": " + sqlite3_errstr(code) +
                       "): every start parses all files again");
      select_.reset();
      db_.reset();
    }
  }

  // The damaged file is kept once, for whoever wants to know what happened to it.
  void set_aside() {
    select_.reset();
    db_.reset();
    std::error_code error;
    fs::rename(file_, folder_ / (std::string(kFileName) + ".damaged"), error);
    if (error) fs::remove(file_, error);
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(file_.string() + suffix, error);
    notes_.push_back("cache was damaged: " + file_.string() + " is set aside and begun anew");
  }

  void failed(const char* doing, int code) {
    if (means_damage(code)) {
      set_aside();
      if (try_open() != SQLITE_OK) {
        select_.reset();
        db_.reset();
      }
      return;
    }
    std::string note = std::string("cache: ") + doing + " failed (" + sqlite3_errstr(code) + ")";
    if (notes_.empty() || notes_.back() != note) notes_.push_back(note);
  }

  // Runs body inside a transaction under the writer's lock.
  template <class Body>
  void write(Body body) {
    if (db_ == nullptr) return;
    auto lock = FileLock::try_acquire(folder_ / "writer.lock");
    for (int i = 0; !lock && lock.error().code == ErrorCode::unavailable && i < 20; ++i) {
      sqlite3_sleep(50);
      lock = FileLock::try_acquire(folder_ / "writer.lock");
    }
    if (!lock) {
      notes_.push_back("cache: new facts not kept (" + lock.error().message + ")");
      return;
    }
    int code = run("BEGIN IMMEDIATE");
    if (code == SQLITE_OK) {
      code = body();
      if (code == SQLITE_DONE) code = run("COMMIT");
    }
    if (code != SQLITE_OK) {
      if (sqlite3_get_autocommit(db_.get()) == 0) run("ROLLBACK");
      failed("writing", code);
    }
  }

  void evict() {
    if (db_ == nullptr || bytes_on_disk() <= max_bytes_) return;
    write([&]() -> int {
      // Oldest use first, until a fifth is free; the file itself shrinks by the vacuum below.
      Statement rows = prepare("SELECT rowid, length(data) FROM facts ORDER BY used, rowid");
      if (rows == nullptr) return sqlite3_errcode(db_.get());
      uint64_t target = bytes_on_disk() - max_bytes_ / 5 * 4, freed = 0;
      std::vector<int64_t> ids;
      while (freed < target && sqlite3_step(rows.get()) == SQLITE_ROW) {
        ids.push_back(sqlite3_column_int64(rows.get(), 0));
        freed += static_cast<uint64_t>(sqlite3_column_int64(rows.get(), 1)) + 64;
      }
      rows.reset();
      Statement one = prepare("DELETE FROM facts WHERE rowid = ?1");
      if (one == nullptr) return sqlite3_errcode(db_.get());
      for (int64_t id : ids) {
        sqlite3_bind_int64(one.get(), 1, id);
        int code = sqlite3_step(one.get());
        sqlite3_reset(one.get());
        if (code != SQLITE_DONE) return code;
      }
      Statement old = prepare("DELETE FROM stamps WHERE used < ?1");
      if (old == nullptr) return sqlite3_errcode(db_.get());
      sqlite3_bind_int64(old.get(), 1, now_s() - 60 * kDay);
      return sqlite3_step(old.get());
    });
    if (db_ == nullptr) return;
    run("VACUUM");
    run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  const fs::path folder_, file_;
  const uint64_t max_bytes_;
  mutable std::mutex mutex_;  // guards everything below; get() is called from parsing threads
  Database db_;
  Statement select_;
  std::vector<std::string> used_;  // keys read whose time of use is more than a day old
  std::vector<std::string> notes_;
  size_t n_damaged_ = 0;
};

}  // namespace

std::unique_ptr<FactsCache> FactsCache::open(const fs::path& folder, uint64_t max_bytes) {
  return std::make_unique<SqliteCache>(folder, max_bytes);
}

std::string facts_key(const std::string& blob_id, const std::string& language) {
  return blob_id + ":" + language + ":" + ENGRAMD_GRAMMAR_PIN + ":" +
         std::to_string(kExtractorVersion);
}

}  // namespace engramd::repoindex
