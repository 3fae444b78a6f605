// Every operator of a device on made-up data, beside the CPU's reference kernels.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <span>

#include "engine/api/devices.h"
#include "engine/cpu/kernels.h"
#include "engine/device/operators.h"

namespace engramd::engine {
namespace {

using device::Buffer;
using Floats = std::vector<float>;

std::span<const std::byte> bytes_of(const Floats& x) {
  return std::as_bytes(std::span(x));
}

Floats normal_floats(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  Floats out(n);
  for (float& value : out) value = normal(random);
  return out;
}

double relative_error(const Floats& found, const Floats& expected) {
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!std::isfinite(found[i])) return INFINITY;
    difference = std::max(difference, std::fabs(double(found[i]) - double(expected[i])));
    largest = std::max(largest, std::fabs(double(expected[i])));
  }
  return difference / largest;
}

// Runs it once to warm up, then a few times on the clock.
template <class Call>
Result<double> ms_of(device::Device& on, Call call) {
  constexpr int kRuns = 5;
  ENGRAMD_CHECK(call());
  ENGRAMD_CHECK(on.synchronise());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRuns; ++i) ENGRAMD_CHECK(call());
  ENGRAMD_CHECK(on.synchronise());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return took.count() / kRuns;
}

// Two columns of activations, rounded on the device, times weights.
Result<OperatorCheck> check_matmul(const std::shared_ptr<device::Device>& on, quant::Type type) {
  constexpr size_t kRows = 256, kN = 2048, kColumns = 2;
  const quant::TypeInfo& info = quant::info(type);
  const size_t row_bytes = kN / info.block_elements * info.block_bytes;
  const Floats values = normal_floats(kRows * kN, 1), x = normal_floats(kColumns * kN, 2);
  std::vector<std::byte> weights(kRows * row_bytes);
  info.from_float(values.data(), weights.data(), values.size());

  const cpu::Kernels& reference = cpu::reference_kernels();
  const size_t rounded_bytes = device::activation_row_bytes(type, kN);
  std::vector<std::byte> rounded(kColumns * rounded_bytes);
  Floats expected(kColumns * kRows), found(kColumns * kRows);
  for (size_t c = 0; c < kColumns; ++c) {
    std::byte* activations = rounded.data() + c * rounded_bytes;
    float* out = expected.data() + c * kRows;
    reference.quantise(cpu::activation_format(type), x.data() + c * kN, kN, activations);
    reference.matmul(type)({weights.data(), row_bytes, kN, 0, kRows, &activations, &out, 1});
  }

  ENGRAMD_TRY(const Buffer w, Buffer::make_from(on, weights));
  ENGRAMD_TRY(const Buffer input, Buffer::make_from(on, bytes_of(x)));
  ENGRAMD_TRY(Buffer activations, Buffer::make(on, rounded.size()));
  ENGRAMD_TRY(Buffer output, Buffer::make(on, bytes_of(found).size()));
  ENGRAMD_CHECK(device::quantise(type, input, kN, kColumns, activations));
  const device::PlacedMatrix matrix{&w, 0, type, kRows, kN};
  ENGRAMD_TRY(const double ms,
              ms_of(*on, [&] { return device::matmul(matrix, activations, kColumns, output); }));
  ENGRAMD_CHECK(output.download(std::as_writable_bytes(std::span(found))));

  char name[64];
  std::snprintf(name, sizeof name, "matmul %s %zu x %zu", std::string(info.name).c_str(), kRows,
                kN);
  // Only the order of float additions: the bound of the kernels' case table.
  return OperatorCheck{name, relative_error(found, expected), 1e-5, ms};
}

Result<OperatorCheck> check_rms_norm(const std::shared_ptr<device::Device>& on) {
  constexpr size_t kN = 4096, kRows = 2;
  const Floats x = normal_floats(kRows * kN, 3), weight = normal_floats(kN, 4);
  Floats expected(x.size()), found(x.size());
  for (size_t r = 0; r < kRows; ++r)
    cpu::reference_kernels().rms_norm(x.data() + r * kN, weight.data(), kN, 1e-6f,
                                      expected.data() + r * kN);
  ENGRAMD_TRY(const Buffer input, Buffer::make_from(on, bytes_of(x)));
  ENGRAMD_TRY(const Buffer scale, Buffer::make_from(on, bytes_of(weight)));
  ENGRAMD_TRY(Buffer output, Buffer::make(on, bytes_of(found).size()));
  ENGRAMD_TRY(const double ms, ms_of(*on, [&] {
                return device::rms_norm(input, &scale, kN, kRows, 1e-6f, output);
              }));
  ENGRAMD_CHECK(output.download(std::as_writable_bytes(std::span(found))));
  return OperatorCheck{"rms_norm 4096", relative_error(found, expected), 1e-6, ms};
}

}  // namespace

Result<std::vector<OperatorCheck>> check_device(std::string_view name) {
  ENGRAMD_TRY(const device::DeviceId id, device::parse_device(name));
  ENGRAMD_TRY(const std::shared_ptr<device::Device> on, device::open_device(id));
  std::vector<OperatorCheck> out;
  for (uint32_t number = 0; number < quant::kTypeNumbers; ++number) {
    const auto type = quant::Type(number);
    if (on->operators().matmul(type) == nullptr || quant::info(type).from_float == nullptr)
      continue;
    ENGRAMD_TRY(OperatorCheck check, check_matmul(on, type));
    out.push_back(std::move(check));
  }
  if (on->operators().rms_norm != nullptr) {
    ENGRAMD_TRY(OperatorCheck check, check_rms_norm(on));
    out.push_back(std::move(check));
  }
  return out;
}

}  // namespace engramd::engine
