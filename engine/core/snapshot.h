// engine/core/snapshot.h - a session's timeline as bytes. docs/formats/session-snapshot.md has the
// layout.
//
// The reader checks magic, version, weights, lengths and a checksum before anything is used. The
// blocks' state inside is their own business (memory::BlockState). Pure functions: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine::core {

struct SnapshotHeader {
  uint64_t weights = 0;  // LoadedModel::fingerprint()
  uint64_t n_tokens = 0, n_logits = 0;
};

struct Snapshot {
  std::vector<TokenId> tokens;
  std::vector<float> logits;  // after the last token; empty when they were not known
  std::string_view state;     // into the bytes given
};

std::string write_snapshot(const SnapshotHeader& header, std::span<const TokenId> tokens,
                           std::span<const float> logits, std::string_view state);
Result<Snapshot> read_snapshot(std::string_view bytes, uint64_t weights);

}  // namespace engramd::engine::core
