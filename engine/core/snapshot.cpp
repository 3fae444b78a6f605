#include "engine/core/snapshot.h"

#include <cstring>

#include "base/hash.h"

namespace engramd::engine::core {
namespace {

constexpr char kMagic[8] = {'e', 'n', 'g', 'r', 'a', 'm', 'd', 'S'};
constexpr uint64_t kVersion = 1;

// Little-endian, as all machines that we run on.
struct Fixed {
  char magic[8];
  uint64_t version, weights, n_tokens, n_logits, n_state_bytes, checksum;
};
static_assert(sizeof(Fixed) == 56);

}  // namespace

std::string write_snapshot(const SnapshotHeader& header, std::span<const TokenId> tokens,
                           std::span<const float> logits, std::string_view state) {
  Fixed fixed{};
  std::memcpy(fixed.magic, kMagic, sizeof kMagic);
  fixed.version = kVersion;
  fixed.weights = header.weights;
  fixed.n_tokens = tokens.size();
  fixed.n_logits = logits.size();
  fixed.n_state_bytes = state.size();
  std::string out(sizeof fixed, '\0');
  out.reserve(sizeof fixed + tokens.size_bytes() + logits.size_bytes() + state.size());
  out.append(reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes());
  out.append(reinterpret_cast<const char*>(logits.data()), logits.size_bytes());
  out += state;
  fixed.checksum = hash64(std::string_view(out).substr(sizeof fixed));
  std::memcpy(out.data(), &fixed, sizeof fixed);
  return out;
}

Result<Snapshot> read_snapshot(std::string_view bytes, uint64_t weights) {
  Fixed fixed{};
  if (bytes.size() < sizeof fixed)
    return fail(ErrorCode::corrupt, "a snapshot of " + std::to_string(bytes.size()) +
                                        " bytes, its header alone has " +
                                        std::to_string(sizeof fixed));
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  if (std::memcmp(fixed.magic, kMagic, sizeof kMagic) != 0)
    return fail(ErrorCode::corrupt, "this is no session snapshot");
  if (fixed.version != kVersion)
    return fail(ErrorCode::unsupported, "session snapshot version " +
                                            std::to_string(fixed.version) + ", expected " +
                                            std::to_string(kVersion));
  if (fixed.weights != weights)
    return fail(ErrorCode::invalid_input, "the snapshot was taken over other weights");
  std::string_view rest = bytes.substr(sizeof fixed);
  constexpr uint64_t kMost = uint64_t(1) << 48;
  if (fixed.n_tokens > kMost || fixed.n_logits > kMost || fixed.n_state_bytes > kMost ||
      fixed.n_tokens * sizeof(TokenId) + fixed.n_logits * sizeof(float) + fixed.n_state_bytes !=
          rest.size())
    return fail(ErrorCode::corrupt, "a snapshot of " + std::to_string(bytes.size()) +
                                        " bytes does not hold what its header says");
  if (hash64(rest) != fixed.checksum)
    return fail(ErrorCode::corrupt, "the snapshot's checksum does not match its bytes");
  Snapshot out;
  const auto take = [&](void* to, size_t n) {
    if (n > 0) std::memcpy(to, rest.data(), n);
    rest.remove_prefix(n);
  };
  out.tokens.resize(fixed.n_tokens);
  take(out.tokens.data(), fixed.n_tokens * sizeof(TokenId));
  out.logits.resize(fixed.n_logits);
  take(out.logits.data(), fixed.n_logits * sizeof(float));
  out.state = rest;
  return out;
}

}  // namespace engramd::engine::core
