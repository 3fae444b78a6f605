// Compiled in place of the package's scanner.c, which it wraps: version 0.7.1 allocates no byte for
// its state (calloc(0, …)) and then writes four, and keeps the state of the text before when a
// parse starts. Valgrind shows the first, the property test of edited documents the second.
#include <stddef.h>
#include <stdlib.h>

static void *allocate_state(size_t count, size_t size) {
  return calloc(count == 0 ? 1 : count, size);
}

#define calloc allocate_state
#define tree_sitter_swift_external_scanner_deserialize packaged_deserialize
#include <scanner.c>
#undef tree_sitter_swift_external_scanner_deserialize

void tree_sitter_swift_external_scanner_deserialize(void *payload, const char *buffer,
                                                    unsigned length) {
  ((struct ScannerState *)payload)->ongoing_raw_str_hash_count = 0;
  packaged_deserialize(payload, buffer, length);
}
