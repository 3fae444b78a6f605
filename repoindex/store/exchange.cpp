#include "repoindex/store/exchange.h"

#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <unordered_set>

#include "base/thread_pool.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/encoded_blob.h"
#include "repoindex/store/record.h"
#include "repoindex/store/segment_writer.h"

namespace engramd::repoindex {

namespace {

// magic, pin | (blob id, payload)... | an empty blob id, count   all in one zstd frame
constexpr std::string_view kMagic = "ENGRFACT";
constexpr int kLevel = 3;
constexpr uint64_t kMaxFile = uint64_t{1} << 31;  // compressed: 2 GiB
constexpr uint64_t kMaxPayload = 64u << 20;       // of one blob
constexpr uint64_t kMaxAll = uint64_t{1} << 36;   // decompressed: 64 GiB
constexpr int kMaxWindowLog = 27;                 // 128 MiB for the decompressor
constexpr size_t kBatch = 2000;

struct CompressDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct DecompressDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class FrameWriter {
 public:
  FrameWriter() : context_(ZSTD_createCCtx()) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    chunk_.resize(ZSTD_CStreamOutSize());
  }
  bool write(std::string_view bytes, bool last) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{chunk_.data(), chunk_.size(), 0};
      size_t left =
          ZSTD_compressStream2(context_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return false;
      bytes_.append(chunk_.data(), out.pos);
      if (last ? left == 0 : in.pos == in.size) return true;
    }
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::unique_ptr<ZSTD_CCtx, CompressDeleter> context_;
  std::string chunk_, bytes_;
};

// Reads the frame piece by piece; anything wrong ends it for good.
class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes)
      : context_(ZSTD_createDCtx()), in_{bytes.data(), bytes.size(), 0} {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
    chunk_.resize(ZSTD_DStreamOutSize());
  }
  bool read(size_t n, std::string* out) {
    out->clear();
    while (out->size() < n) {
      if (at_ == filled_ && !more()) return false;
      size_t take = std::min(n - out->size(), filled_ - at_);
      out->append(chunk_, at_, take);
      at_ += take;
    }
    return true;
  }
  bool number(uint64_t* out) {
    *out = 0;
    std::string byte;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!read(1, &byte)) return false;
      auto b = static_cast<unsigned char>(byte[0]);
      *out |= uint64_t{b & 0x7Fu} << shift;
      if (b < 0x80) return true;
    }
    return false;
  }
  // Nothing follows, and the frame's checksum was right.
  bool at_end() { return at_ == filled_ && !more() && complete_ && in_.pos == in_.size; }

 private:
  bool more() {
    at_ = filled_ = 0;
    while (filled_ == 0 && !complete_ && total_ <= kMaxAll) {
      ZSTD_outBuffer out{chunk_.data(), chunk_.size(), 0};
      size_t before = in_.pos;
      size_t left = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(left)) return false;
      filled_ = out.pos;
      total_ += filled_;
      complete_ = left == 0;
      if (filled_ == 0 && !complete_ && in_.pos == before) return false;  // cut short
    }
    return filled_ > 0;
  }

  std::unique_ptr<ZSTD_DCtx, DecompressDeleter> context_;
  ZSTD_inBuffer in_;
  std::string chunk_;
  size_t at_ = 0, filled_ = 0;
  uint64_t total_ = 0;
  bool complete_ = false;
};

}  // namespace

Result<size_t> export_blobs(const std::vector<BlobPlace>& blobs, const std::filesystem::path& file,
                            const CancelToken& cancel) {
  FrameWriter writer;
  std::string head(kMagic);
  put_fixed(head, segment_pin());
  bool good = writer.write(head, false);
  std::unordered_set<std::string> seen;
  size_t n = 0;
  for (const BlobPlace& blob : blobs) {
    ENGRAMD_CHECK(cancel.check());
    FileSummary summary = blob.segment->summary(blob.doc);
    std::string id = blob.segment->blob_id(blob.doc);
    if (!seen.insert(id + ":" + std::string(summary.language)).second) continue;
    ENGRAMD_TRY(FileFactsPtr facts, blob.segment->facts(blob.doc));
    std::string item;
    put_text(item, id);
    put_text(item, facts_payload(*facts));
    good = good && writer.write(item, false);
    ++n;
  }
  std::string tail;
  put_text(tail, "");
  put_varint(tail, n);
  if (!good || !writer.write(tail, true)) {
    return fail(ErrorCode::internal, "the facts cannot be compressed");
  }
  ENGRAMD_CHECK(write_file_atomic(file, writer.bytes(), 0644, true));
  return n;
}

namespace {

struct Item {
  std::string blob_id, payload;
};

// Decodes and encodes a batch on all threads; the first bad item is the error.
Result<std::string> segment_of(std::vector<Item>& items, size_t n_before, size_t n_threads) {
  std::vector<EncodedBlob> blobs(items.size());
  std::atomic<size_t> next{0}, bad{items.size()};
  ThreadPool::parallel_for(n_threads, n_threads, [&](size_t) {
    for (size_t i = next++; i < items.size(); i = next++) {
      auto facts = facts_of_payload(items[i].payload);
      if (facts) {
        blobs[i] = encode_blob(std::move(items[i].blob_id), **facts);
        continue;
      }
      size_t first = bad;
      while (i < first && !bad.compare_exchange_weak(first, i)) {
      }
    }
  });
  if (bad < items.size()) {
    return fail(ErrorCode::corrupt,
                "blob " + std::to_string(n_before + bad + 1) + " has facts that are out of bounds");
  }
  items.clear();
  return build_segment(blobs);
}

}  // namespace

Result<ImportedBlobs> import_blobs(const std::filesystem::path& file, size_t n_threads,
                                   const CancelToken& cancel) {
  auto wrong = [&](ErrorCode code, const std::string& what) {
    return fail(code, file.string() + ": " + what);
  };
  ENGRAMD_TRY(const std::string bytes, read_file(file, kMaxFile));
  FrameReader reader(bytes);
  std::string head;
  if (!reader.read(kMagic.size() + 8, &head) || head.substr(0, kMagic.size()) != kMagic) {
    return wrong(ErrorCode::invalid_input, "not a file of exported facts");
  }
  if (get_fixed<uint64_t>(head.data() + kMagic.size()) != segment_pin()) {
    return wrong(ErrorCode::unsupported,
                 "exported by a version with other grammars or another extractor");
  }
  ImportedBlobs out;
  std::vector<Item> items;
  size_t n_bytes = 0;
  for (;;) {
    ENGRAMD_CHECK(cancel.check());
    const size_t number = out.n_blobs + items.size() + 1;
    Item item;
    uint64_t size = 0;
    auto cut = [&] {
      return wrong(ErrorCode::corrupt, "damaged or cut at blob " + std::to_string(number));
    };
    if (!reader.number(&size) || size > 128 || !reader.read(size, &item.blob_id)) return cut();
    bool last = item.blob_id.empty();
    if (!last) {
      if (!bytes_of_hex(item.blob_id)) return cut();
      if (!reader.number(&size) || size > kMaxPayload || !reader.read(size, &item.payload)) {
        return cut();
      }
      n_bytes += size;
      items.push_back(std::move(item));
    }
    if (!items.empty() && (last || items.size() >= kBatch || n_bytes >= kMaxPayload)) {
      size_t n = items.size();
      auto segment = segment_of(items, out.n_blobs, n_threads);
      if (!segment) return wrong(segment.error().code, segment.error().message);
      out.segments.push_back(std::move(*segment));
      out.n_blobs += n;
      n_bytes = 0;
    }
    if (!last) continue;
    if (!reader.number(&size) || size != out.n_blobs || !reader.at_end()) {
      return wrong(ErrorCode::corrupt, "damaged at the end");
    }
    return out;
  }
}

}  // namespace engramd::repoindex
