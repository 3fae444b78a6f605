#include "engine/device/host_device.h"

#include <cstring>
#include <new>

namespace engramd::engine::device {
namespace {

constexpr auto kAligned = std::align_val_t(Device::kAlignment);

const cpu::Kernels& kernels_of(Device& device) {
  return static_cast<CpuDevice&>(device).kernels();
}

template <quant::Type type>
Status quantise(Device& device, const QuantiseArgs& args) {
  for (size_t r = 0; r < args.n_rows; ++r)
    kernels_of(device).quantise(cpu::activation_format(type), args.x + r * args.n, args.n,
                                args.out + r * args.row_bytes);
  return {};
}

template <quant::Type type>
Status matmul(Device& device, const MatmulArgs& args) {
  // Kernels take row pointers; a bounded number of them at a time.
  constexpr size_t kColumns = 64;
  const std::byte* activations[kColumns];
  float* out[kColumns];
  for (size_t first = 0; first < args.n_columns; first += kColumns) {
    const size_t n = std::min(kColumns, args.n_columns - first);
    for (size_t c = 0; c < n; ++c) {
      activations[c] = args.activations + (first + c) * args.activation_bytes;
      out[c] = args.out + (first + c) * args.rows;
    }
    kernels_of(device).matmul(type)(
        {args.weights, args.row_bytes, args.n, 0, args.rows, activations, out, n});
  }
  return {};
}

Status rms_norm(Device& device, const RmsNormArgs& args) {
  for (size_t r = 0; r < args.n_rows; ++r)
    kernels_of(device).rms_norm(args.x + r * args.n, args.weight, args.n, args.eps,
                                args.out + r * args.n);
  return {};
}

template <size_t... numbers>
void set_rows(Operators& out, const cpu::Kernels& kernels, std::index_sequence<numbers...>) {
  const auto set = [&]<size_t number>() {
    if (kernels.matmul_of[number] == nullptr) return;
    out.quantise_of[number] = quantise<quant::Type(number)>;
    out.matmul_of[number] = matmul<quant::Type(number)>;
  };
  (set.template operator()<numbers>(), ...);
}

}  // namespace

Operators cpu_operators(const cpu::Kernels& kernels) {
  Operators out;
  set_rows(out, kernels, std::make_index_sequence<quant::kTypeNumbers>());
  out.rms_norm = rms_norm;
  return out;
}

HostDevice::HostDevice(DeviceId id, const Operators& operators, uint64_t budget_bytes)
    : Device(id, operators,
             budget_bytes == 0 ? memory::available_memory_bytes() / 10 * 9 : budget_bytes) {}

Result<std::byte*> HostDevice::allocate(size_t bytes) {
  auto* data = static_cast<std::byte*>(::operator new(bytes, kAligned, std::nothrow));
  if (data == nullptr)
    return fail(ErrorCode::exhausted,
                to_string(id()) + ": no memory for " + std::to_string(bytes) + " bytes");
  return data;
}

void HostDevice::release(std::byte* data) {
  ::operator delete(data, kAligned);
}

Status HostDevice::upload(std::byte* to, const std::byte* from, size_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}

Status HostDevice::download(std::byte* to, const std::byte* from, size_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}

Status HostDevice::copy(std::byte* to, const std::byte* from, size_t bytes) {
  std::memmove(to, from, bytes);
  return {};
}

}  // namespace engramd::engine::device
