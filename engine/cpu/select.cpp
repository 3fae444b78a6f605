// engine/cpu/select.cpp - which kernels this processor runs.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstring>
#include <string>

#include "base/environment.h"
#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {

void Kernels::quantise(ActivationFormat format, const float* x, size_t n, std::byte* out) const {
  switch (format) {
    case ActivationFormat::f32:
      std::memcpy(out, x, n * sizeof(float));
      return;
    case ActivationFormat::q8_32:
      quantise_q8_32(x, n, reinterpret_cast<BlockQ8_32*>(out));
      return;
    case ActivationFormat::q8_256:
      quantise_q8_256(x, n, reinterpret_cast<BlockQ8_256*>(out));
      return;
  }
}

void Kernels::to_row(KvType type, const float* x, size_t n, std::byte* out) const {
  switch (type) {
    case KvType::f32:
      std::memcpy(out, x, n * sizeof(float));
      return;
    case KvType::f16:
      to_f16(x, n, out);
      return;
    case KvType::bf16:
      to_bf16(x, n, out);
      return;
  }
}

#if !defined(__x86_64__)
const Kernels* avx2_kernels() {
  return nullptr;
}
const Kernels* avx512_kernels() {
  return nullptr;
}
#endif

#if defined(__x86_64__)
namespace {
// Half-precision conversions, by the instruction itself: clang 14 has no name for them.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & (1u << 29)) != 0;
}
}  // namespace
#endif

std::vector<const Kernels*> usable_kernels() {
  std::vector<const Kernels*> out = {&reference_kernels()};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // __builtin_cpu_supports also asks the operating system whether it saves the wide registers.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
    if (const Kernels* kernels = avx2_kernels()) out.push_back(kernels);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
      if (const Kernels* kernels = avx512_kernels()) out.push_back(kernels);
  }
#endif
  return out;
}

Result<const Kernels*> select_kernels(std::string_view name) {
  std::string wanted(name);
  if (wanted.empty()) wanted = environment("ENGRAMD_KERNELS").value_or("");
  const auto usable = usable_kernels();
  if (wanted.empty()) return usable.back();
  std::string names;
  for (const Kernels* kernels : usable) {
    if (kernels->name == wanted) return kernels;
    names += (names.empty() ? "" : ", ") + std::string(kernels->name);
  }
  return fail(ErrorCode::invalid_input,
              "kernels \"" + wanted + "\" cannot run on this processor, these can: " + names);
}

}  // namespace engramd::engine::cpu
