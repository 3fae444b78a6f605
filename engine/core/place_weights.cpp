#include "engine/core/loaded_model.h"

namespace engramd::engine::core {

Result<std::unique_ptr<const device::Placement>> place_weights(const format::ModelFile& file,
                                                               std::string_view device) {
  if (device.empty()) return nullptr;
  ENGRAMD_TRY(const device::DeviceId id, device::parse_device(device));
  if (id.kind == device::DeviceKind::cpu) return nullptr;
  ENGRAMD_TRY(std::shared_ptr<device::Device> on, device::open_device(id));
  auto placement = std::make_unique<device::Placement>(std::move(on));
  for (const format::Tensor& tensor : file.tensors()) {
    if (tensor.shape.size() < 2 || tensor.bytes.empty() || tensor.type->to_float == nullptr ||
        !placement->takes(quant::Type(tensor.type->id)))
      continue;
    const Status placed = placement->place(tensor.bytes);
    if (!placed && placed.error().code != ErrorCode::exhausted) return fail(placed.error());
  }
  return placement;
}

}  // namespace engramd::engine::core
