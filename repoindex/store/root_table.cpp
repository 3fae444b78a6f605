#include "repoindex/store/root_table.h"

#include <algorithm>

#include "base/hash.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/record.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex {

namespace {
constexpr std::string_view kMagic = "ERT1";
}

std::string encode_root_table(std::string_view key, uint64_t pin,
                              const std::vector<RootRow>& rows) {
  std::string out;
  put_text(out, key);
  put_fixed(out, pin);
  std::vector<std::string_view> languages;
  std::string body;
  std::string_view before;
  int64_t mtime = 0;
  uint64_t inode = 0;
  for (const RootRow& row : rows) {
    size_t shared = 0, most = std::min(before.size(), row.path.size());
    while (shared < most && before[shared] == row.path[shared]) ++shared;
    put_varint(body, shared);
    put_text(body, std::string_view(row.path).substr(shared));
    before = row.path;
    put_varint(body, row.n_bytes);
    put_varint(body, zigzag(row.mtime_ns - mtime));
    mtime = row.mtime_ns;
    put_varint(body, zigzag(static_cast<int64_t>(row.inode - inode)));
    inode = row.inode;
    put_text(body, bytes_of_hex(row.blob_id).value_or(std::string()));
    auto it = std::find(languages.begin(), languages.end(), row.language);
    put_varint(body, static_cast<uint64_t>(it - languages.begin()) << 1 | (row.is_binary ? 1 : 0));
    if (it == languages.end()) languages.push_back(row.language);
  }
  put_varint(out, languages.size());
  for (std::string_view language : languages) put_text(out, language);
  put_varint(out, rows.size());
  return seal(kMagic, out + body);
}

Result<RootTable> decode_root_table(std::string_view bytes) {
  ENGRAMD_TRY(std::string payload, unseal(kMagic, bytes));
  ByteReader r(payload);
  RootTable table;
  table.key = std::string(r.text());
  std::string_view pin = r.bytes(8);
  if (pin.size() == 8) table.pin = get_fixed<uint64_t>(pin.data());
  std::vector<std::string> languages(r.count(1));
  for (std::string& language : languages) language = std::string(r.text());
  table.rows.resize(r.count(7));
  std::string path;
  uint64_t mtime = 0, inode = 0;
  for (RootRow& row : table.rows) {
    uint64_t shared = r.number();
    if (shared > path.size()) r.damaged();
    path.resize(r.ok() ? shared : 0);
    path += r.text();
    row.path = path;
    row.n_bytes = r.number();
    mtime += static_cast<uint64_t>(r.wide_signed_number());
    row.mtime_ns = static_cast<int64_t>(mtime);
    inode += static_cast<uint64_t>(r.wide_signed_number());
    row.inode = inode;
    row.blob_id = to_hex(r.text());
    uint64_t language = r.number();
    row.is_binary = (language & 1) != 0;
    if (language >> 1 >= languages.size()) r.damaged();
    if (!r.ok()) break;
    row.language = languages[language >> 1];
  }
  if (!r.ok() || !r.at_end()) {
    return fail(ErrorCode::corrupt, "the table of the root has content out of bounds");
  }
  return table;
}

}  // namespace engramd::repoindex
