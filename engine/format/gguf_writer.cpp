#include "engine/format/gguf_writer.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace engramd::engine::format {
namespace {

constexpr uint64_t kAlignment = 32;

uint64_t aligned(uint64_t n) {
  return (n + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void put_string(std::string& out, std::string_view text) {
  put(out, uint64_t(text.size()));
  out += text;
}

}  // namespace

uint64_t PlannedTensor::n_bytes() const {
  uint64_t n = 1;
  for (const uint64_t size : shape) n *= size;
  return n / type->block_elements * type->block_bytes;
}

Result<std::unique_ptr<GgufWriter>> GgufWriter::create(const std::filesystem::path& path,
                                                       std::span<const KeyValue> metadata,
                                                       std::vector<PlannedTensor> tensors) {
  std::string header = "GGUF";
  put(header, uint32_t(3));
  put(header, uint64_t(tensors.size()));
  put(header, uint64_t(metadata.size()));
  for (const KeyValue& entry : metadata) {
    put_string(header, entry.key);
    put(header, uint32_t(entry.value.type));
    if (entry.value.type == ValueType::array) {
      put(header, uint32_t(entry.value.element));
      put(header, entry.value.count);
    }
    header.append(reinterpret_cast<const char*>(entry.value.bytes), entry.value.n_bytes);
  }
  uint64_t offset = 0;
  for (const PlannedTensor& tensor : tensors) {
    put_string(header, tensor.name);
    put(header, uint32_t(tensor.shape.size()));
    for (const uint64_t size : tensor.shape) put(header, size);
    put(header, tensor.type->id);
    put(header, offset);
    offset += aligned(tensor.n_bytes());
  }
  header.resize(aligned(header.size()), '\0');

  std::unique_ptr<GgufWriter> out(new GgufWriter);
  out->path_ = path;
  out->file_bytes_ = header.size() + offset;
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0)
    return fail(errno_error("cannot write to " + folder.string(), errno));
  if (const uint64_t room = uint64_t(disk.f_bavail) * disk.f_frsize; room < out->file_bytes_)
    return fail(ErrorCode::exhausted,
                path.string() + " will have " + std::to_string(out->file_bytes_ >> 20) + " MiB, " +
                    folder.string() + " has room for " + std::to_string(room >> 20));
  out->temporary_ = path;
  out->temporary_ += ".partial-" + std::to_string(::getpid());
  out->fd_ =
      ::open(out->temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (out->fd_ < 0) return fail(errno_error("cannot write " + out->temporary_.string(), errno));
  out->tensors_ = std::move(tensors);
  if (!out->tensors_.empty()) out->left_of_current_ = out->tensors_.front().n_bytes();
  ENGRAMD_CHECK(out->write(header.data(), header.size()));
  return out;
}

GgufWriter::~GgufWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

Status GgufWriter::write(const void* bytes, size_t n) {
  const char* p = static_cast<const char*>(bytes);
  while (n > 0) {
    const ssize_t written = ::write(fd_, p, std::min<size_t>(n, size_t(1) << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errno_error("cannot write " + temporary_.string(), errno));
    p += written;
    n -= size_t(written);
    position_ += uint64_t(written);
  }
  return {};
}

Status GgufWriter::pad() {
  constexpr char kZeros[kAlignment] = {};
  return write(kZeros, aligned(position_) - position_);
}

Status GgufWriter::append(std::span<const std::byte> bytes) {
  if (current_ == tensors_.size() || bytes.size() > left_of_current_)
    return fail(ErrorCode::internal, "more tensor bytes than were announced");
  ENGRAMD_CHECK(write(bytes.data(), bytes.size()));
  left_of_current_ -= bytes.size();
  while (left_of_current_ == 0 && current_ < tensors_.size()) {
    ENGRAMD_CHECK(pad());
    if (++current_ < tensors_.size()) left_of_current_ = tensors_[current_].n_bytes();
  }
  return {};
}

Status GgufWriter::finish() {
  if (current_ != tensors_.size())
    return fail(ErrorCode::internal, "tensor " + tensors_[current_].name + " is not complete");
  if (::fsync(fd_) != 0) return fail(errno_error("cannot write " + temporary_.string(), errno));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail(errno_error("cannot rename to " + path_.string(), errno));
  ::close(fd_);
  fd_ = -1;
  return {};
}

}  // namespace engramd::engine::format
