#include "engine/arch/hf/families.h"

#include <array>

namespace engramd::engine::arch::hf {

std::span<const format::hf::Family* const> families() {
  static constexpr std::array kFamilies = {&kLlama,     &kQwen2,     &kQwen3,  &kQwen3Moe,
                                           &kQwen3Next, &kQwen35Moe, &kGptOss, &kDeepseek2,
                                           &kDeepseek4, &kDeepseek41};
  return kFamilies;
}

}  // namespace engramd::engine::arch::hf
