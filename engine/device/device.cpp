#include "engine/device/device.h"

#include <charconv>

#include "engine/cuda/devices.h"
#include "engine/device/host_device.h"

namespace engramd::engine::device {
namespace {

constexpr int kMostCards = 64;

}  // namespace

std::string to_string(DeviceId id) {
  switch (id.kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::cuda:
      return "cuda:" + std::to_string(id.index);
    case DeviceKind::twin:
      return "twin";
  }
  return "cpu";
}

Result<DeviceId> parse_device(std::string_view text) {
  if (text == "cpu") return DeviceId{};
  if (text == "twin") return DeviceId{DeviceKind::twin, 0};
  if (text == "cuda") return DeviceId{DeviceKind::cuda, 0};
  if (text.starts_with("cuda:")) {
    const std::string_view number = text.substr(5);
    int index = -1;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), index);
    if (parsed.ec == std::errc() && parsed.ptr == number.data() + number.size() && index >= 0 &&
        index < kMostCards)
      return DeviceId{DeviceKind::cuda, index};
  }
  return fail(ErrorCode::invalid_input,
              "no device is called \"" + std::string(text) + "\", expected cpu, cuda:N or twin");
}

std::string Operators::names() const {
  std::string out;
  const auto list_types = [&](std::string_view name, const auto& rows) {
    bool first = true;
    for (uint32_t number = 0; number < rows.size(); ++number) {
      if (rows[number] == nullptr) continue;
      if (first) out += (out.empty() ? "" : ", ") + std::string(name);
      first = false;
      out += " " + std::string(quant::info(quant::Type(number)).name);
    }
  };
  list_types("quantise for", quantise_of);
  list_types("matmul", matmul_of);
  if (rms_norm != nullptr) out += std::string(out.empty() ? "" : ", ") + "rms_norm";
  return out;
}

Operators operators_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu:
      return cpu_operators(cpu::reference_kernels());
    case DeviceKind::cuda:
      return cuda::card_operators();
    case DeviceKind::twin:
      return cuda::twin_operators();
  }
  return {};
}

Result<std::shared_ptr<Device>> open_device(DeviceId id, uint64_t budget_bytes) {
  switch (id.kind) {
    case DeviceKind::cpu:
      break;
    case DeviceKind::cuda:
      return cuda::open_card(id.index, budget_bytes);
    case DeviceKind::twin:
      return std::make_shared<HostDevice>(id, cuda::twin_operators(), budget_bytes);
  }
  ENGRAMD_TRY(const cpu::Kernels* kernels, cpu::select_kernels(""));
  return std::make_shared<CpuDevice>(*kernels, budget_bytes);
}

}  // namespace engramd::engine::device
