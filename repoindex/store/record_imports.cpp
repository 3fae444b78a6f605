// The imports of a file without the rest: what decides most plain names, for a fraction of what all
// the facts cost.
#include "repoindex/store/record.h"
#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

bool read_imports(const OutlineColumns& columns, size_t n_names,
                  const std::function<std::string_view(uint32_t)>& name_of, FileFacts& facts) {
  ByteReader imported(columns.imported), places(columns.import_places);
  TextColumnReader others(columns.import_lengths, columns.import_bytes);
  bool good = true;
  auto next = [&]() -> std::string {
    uint64_t id = imported.number();
    if (id == 0) return {};
    if (id == 1) return std::string(others.next());
    good = good && id - 2 < n_names;
    return good ? std::string(name_of(static_cast<uint32_t>(id - 2))) : std::string();
  };
  facts.imports.resize(columns.n_imports);
  int64_t at = 0;
  for (Import& import : facts.imports) {
    import.target = next();
    import.name = next();
    import.alias = next();
    int64_t begin = at + places.signed_number();
    int64_t end = begin + places.u32();
    import.level = places.u32();
    if (begin < 0 || end > facts.n_bytes) return false;
    import.begin = static_cast<uint32_t>(begin);
    import.end = static_cast<uint32_t>(end);
    at = end;
  }
  return good && imported.ok() && imported.at_end() && others.ok() && places.ok() &&
         places.at_end();
}

Result<FileFactsPtr> unpack_imports(std::string_view outline, size_t n_names,
                                    const std::function<std::string_view(uint32_t)>& name_of) {
  auto corrupt = [] { return fail(ErrorCode::corrupt, "the record's content is out of bounds"); };
  auto facts = std::make_shared<FileFacts>();
  if (outline.empty()) return FileFactsPtr(std::move(facts));
  // Kept between calls; nothing else on this thread decodes meanwhile.
  thread_local std::string numbers, texts;
  ByteReader first(outline);
  ENGRAMD_CHECK(decompress(Part::numbers, first.text(), &numbers));
  ENGRAMD_CHECK(decompress(Part::texts, first.text(), &texts));
  ByteReader head(numbers);
  bool has_lines = false;
  OutlineColumns columns;
  if (!read_head(head, *facts, &has_lines) || !read_columns(head, texts, &columns)) {
    return corrupt();
  }
  if (!read_imports(columns, n_names, name_of, *facts)) return corrupt();
  // Limits on what a hostile record can keep.
  if (texts.capacity() > (1u << 20)) texts = std::string();
  return FileFactsPtr(std::move(facts));
}

}  // namespace engramd::repoindex
