// A card as a Device: turns the plain replies of operators.cu into Results.
#include <string>

#include "engine/cuda/devices.h"

#ifdef ENGRAMD_WITH_CUDA
#include "engine/cuda/operators.h"
#endif

namespace engramd::engine::cuda {

#ifdef ENGRAMD_WITH_CUDA
namespace {

std::string name_of(int card) {
  return device::to_string({device::DeviceKind::cuda, card});
}

Status status_of(int card, std::string_view what, const Reply& reply) {
  const std::string message = name_of(card) + ": " + std::string(what) + ": " + reply.text;
  switch (reply.outcome) {
    case Outcome::ok:
      return {};
    case Outcome::no_such_card:
      return fail(ErrorCode::unavailable, message);
    case Outcome::out_of_memory:
      return fail(ErrorCode::exhausted, message);
    case Outcome::failed:
      break;
  }
  return fail(ErrorCode::internal, message);
}

class Card final : public device::Device {
 public:
  Card(int card, uint64_t budget_bytes)
      : Device({device::DeviceKind::cuda, card}, card_operators(), budget_bytes), card_(card) {}

  Result<std::byte*> allocate(size_t bytes) override {
    std::byte* data = nullptr;
    ENGRAMD_CHECK(status_of(card_, "allocating " + std::to_string(bytes) + " bytes",
                            cuda::allocate(card_, bytes, &data)));
    return data;
  }
  // An error here was or will be told by the call that waits for the kernel that caused it.
  void release(std::byte* data) override { cuda::release(card_, data); }
  Status upload(std::byte* to, const std::byte* from, size_t bytes) override {
    return status_of(card_, "upload", cuda::upload(card_, to, from, bytes));
  }
  Status download(std::byte* to, const std::byte* from, size_t bytes) override {
    return status_of(card_, "download", cuda::download(card_, to, from, bytes));
  }
  Status copy(std::byte* to, const std::byte* from, size_t bytes) override {
    return status_of(card_, "copy", cuda::copy(card_, to, from, bytes));
  }
  Status synchronise() override { return status_of(card_, "kernels", cuda::synchronise(card_)); }

 private:
  const int card_;
};

template <class Args, Reply (*launch)(int, const Args&)>
Status row(device::Device& device, const Args& args) {
  return status_of(device.id().index, "launch", launch(device.id().index, args));
}

}  // namespace

Result<std::shared_ptr<device::Device>> open_card(int card, uint64_t budget_bytes) {
  uint64_t free_bytes = 0, total_bytes = 0;
  ENGRAMD_CHECK(status_of(card, "opening", start_card(card, &free_bytes, &total_bytes)));
  return std::make_shared<Card>(card, budget_bytes == 0 ? free_bytes / 10 * 9 : budget_bytes);
}

device::Operators card_operators() {
  using device::MatmulArgs;
  using device::QuantiseArgs;
  using quant::Type;
  device::Operators out;
  out.quantise_of[size_t(Type::q8_0)] = row<QuantiseArgs, quantise_q8_32>;
  out.quantise_of[size_t(Type::q4_k)] = row<QuantiseArgs, quantise_q8_256>;
  out.matmul_of[size_t(Type::q8_0)] = row<MatmulArgs, matvec_q8_0>;
  out.matmul_of[size_t(Type::q4_k)] = row<MatmulArgs, matvec_q4_k>;
  out.rms_norm = row<device::RmsNormArgs, rms_norm>;
  return out;
}
#else
Result<std::shared_ptr<device::Device>> open_card(int card, uint64_t) {
  return fail(ErrorCode::unavailable, "cuda:" + std::to_string(card) + ": this build has no CUDA");
}
device::Operators card_operators() {
  return {};
}
#endif

}  // namespace engramd::engine::cuda
