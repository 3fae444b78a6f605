// The operators of every device against the CPU's reference kernels, over the kernels' case table.
//
// A machine without a card runs the twins of the card's kernels: the same bodies, compiled as
// ordinary C++ (engine/cuda/bodies.cuh). The case tagged [gpu] runs the kernels themselves.
#include <catch2/catch.hpp>
#include <fstream>
#include <limits>
#include <span>

#include "engine/api/devices.h"
#include "engine/device/host_device.h"
#include "engine/device/operators.h"
#include "kernel_cases.h"
#include "kernel_compare.h"

namespace engramd::engine::test {
namespace {

using device::Buffer;
using device::DeviceKind;
using quant::Type;
using Bytes = std::vector<std::byte>;
using Floats = std::vector<float>;
using SharedDevice = std::shared_ptr<device::Device>;

SharedDevice open(DeviceKind kind) {
  auto opened = device::open_device({kind, 0});
  REQUIRE(opened);
  return *opened;
}

Buffer placed(const SharedDevice& on, const Bytes& bytes) {
  auto made = Buffer::make_from(on, bytes);
  REQUIRE(made);
  return *std::move(made);
}
Buffer placed(const SharedDevice& on, const Floats& x) {
  const auto bytes = std::as_bytes(std::span(x));
  return placed(on, Bytes(bytes.begin(), bytes.end()));
}
Buffer room(const SharedDevice& on, size_t bytes) {
  auto made = Buffer::make(on, bytes);
  REQUIRE(made);
  return *std::move(made);
}

Bytes bytes_of(const Buffer& buffer) {
  Bytes out(buffer.size());
  REQUIRE(buffer.download(out));
  return out;
}
Floats floats_of(const Buffer& buffer) {
  Floats out(buffer.size() / sizeof(float));
  REQUIRE(buffer.download(std::as_writable_bytes(std::span(out))));
  return out;
}

Bytes rounded_on(const SharedDevice& on, Type type, const Floats& x, size_t n) {
  const Buffer input = placed(on, x);
  Buffer out = room(on, device::activation_row_bytes(type, n) * (x.size() / n));
  REQUIRE(device::quantise(type, input, n, x.size() / n, out));
  return bytes_of(out);
}

// The weights lie somewhere inside their buffer, as a tensor's slice does.
Floats product_on(const SharedDevice& on, const MatmulCase& c, const MatmulData& data,
                  const Bytes& activations) {
  constexpr size_t kBefore = 32;
  Bytes weights(kBefore + c.rows * data.row_bytes(), std::byte(0xff));
  std::memcpy(weights.data() + kBefore, data.weights(), c.rows * data.row_bytes());
  const Buffer w = placed(on, weights), input = placed(on, activations);
  Buffer out = room(on, c.n_columns * c.rows * sizeof(float));
  REQUIRE(device::matmul({&w, kBefore, c.type, c.rows, c.n}, input, c.n_columns, out));
  return floats_of(out);
}

struct NormCase {
  size_t n, n_rows;
  bool weighted;
};
const NormCase kNormCases[] = {{1, 1, true},    {77, 3, true},   {256, 2, false}, {257, 2, true},
                               {2048, 5, true}, {4096, 1, true}, {7168, 2, false}};

Floats norm_on(const SharedDevice& on, const NormCase& c) {
  Buffer x = placed(on, random_floats(c.n * c.n_rows, 3, 1));
  const Buffer weight = placed(on, random_floats(c.n, 1, 2));
  REQUIRE(device::rms_norm(x, c.weighted ? &weight : nullptr, c.n, c.n_rows, 1e-6f, x));
  return floats_of(x);
}

// Everything in the table of `on`, within the bounds of the case tables.
void check_over_cases(const SharedDevice& on) {
  const auto reference = std::make_shared<device::CpuDevice>(cpu::reference_kernels(), 0);
  size_t n_products = 0;
  for (const MatmulCase& c : matmul_cases()) {
    if (on->operators().matmul(c.type) == nullptr) continue;
    INFO(device::to_string(on->id()) << ": " << quant::info(c.type).name << " " << c.rows << " x "
                                     << c.n << " x " << c.n_columns);
    const MatmulData data(c);
    const Bytes activations = rounded_on(on, c.type, data.x(), c.n);
    CHECK(activations == data.activations(cpu::reference_kernels()));  // to the bit
    const Floats expected =
        data.run(cpu::reference_kernels(), data.activations(cpu::reference_kernels()), 1);
    CHECK(relative_error(product_on(on, c, data, activations), expected) <= c.bound);
    ++n_products;
  }
  CHECK(n_products > 20);
  for (const NormCase& c : kNormCases) {
    INFO("rms_norm " << c.n << " x " << c.n_rows);
    CHECK(relative_error(norm_on(on, c), norm_on(reference, c)) <= 1e-6);
  }
}

}  // namespace

TEST_CASE("the CPU's rows are those of its kernels") {
  check_over_cases(open(DeviceKind::cpu));
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    const auto rows = device::cpu_operators(*kernels);
    for (uint32_t type = 0; type < quant::kTypeNumbers; ++type) {
      const bool has = kernels->matmul_of[type] != nullptr;
      CHECK((rows.matmul_of[type] != nullptr) == has);
      CHECK((rows.quantise_of[type] != nullptr) == has);
    }
  }
}

TEST_CASE("the twins of the CUDA kernels agree with the reference") {
  check_over_cases(open(DeviceKind::twin));
}

TEST_CASE("a result on a device does not depend on the columns and rows beside it") {
  const auto twin = open(DeviceKind::twin);
  for (const Type type : {Type::q8_0, Type::q4_k}) {
    const MatmulCase c{type, 33, 768, 5, 0};
    const MatmulData data(c);
    const Bytes activations = rounded_on(twin, type, data.x(), c.n);
    const Floats together = product_on(twin, c, data, activations);
    const size_t row = device::activation_row_bytes(type, c.n);
    for (size_t column = 0; column < c.n_columns; ++column) {
      MatmulCase alone = c;
      alone.n_columns = 1;
      const auto begin = activations.begin() + std::ptrdiff_t(column * row);
      const Floats found = product_on(twin, alone, data, Bytes(begin, begin + std::ptrdiff_t(row)));
      CHECK(std::equal(found.begin(), found.end(),
                       together.begin() + std::ptrdiff_t(column * c.rows)));
    }
  }
}

TEST_CASE("extreme activations round to the CPU's bytes on a device") {
  Floats x = random_floats(1024, 1, 3);
  x[5] = 1e30f;
  x[300] = -0.0f;
  x[301] = std::numeric_limits<float>::quiet_NaN();
  x[600] = -std::numeric_limits<float>::infinity();
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
  std::fill(x.begin() + 64, x.begin() + 96, 1e-38f);
  x[100] = 0.5f / 127;
  const auto reference = std::make_shared<device::CpuDevice>(cpu::reference_kernels(), 0);
  for (const Type type : {Type::q8_0, Type::q4_k})
    CHECK(rounded_on(open(DeviceKind::twin), type, x, x.size()) ==
          rounded_on(reference, type, x, x.size()));
}

// No test compares a twin with anything if a body reads past its row: this one would see it.
TEST_CASE("a body reads no more than its rows") {
  const auto twin = open(DeviceKind::twin);
  for (const Type type : {Type::q8_0, Type::q4_k}) {
    const MatmulCase c{type, 3, 256, 1, 0};
    const MatmulData data(c);
    const Bytes activations = rounded_on(twin, type, data.x(), c.n);
    const Floats expected = product_on(twin, c, data, activations);
    // The same rows with not-a-number scales around them.
    Bytes surrounded(32 + c.rows * data.row_bytes() + 320, std::byte(0xff));
    std::memcpy(surrounded.data() + 32, data.weights(), c.rows * data.row_bytes());
    Bytes input = activations;
    input.resize(input.size() + 320, std::byte(0xff));
    const Buffer w = placed(twin, surrounded), in = placed(twin, input);
    Buffer out = room(twin, c.rows * sizeof(float));
    REQUIRE(device::matmul({&w, 32, type, c.rows, c.n}, in, 1, out));
    CHECK(floats_of(out) == expected);
  }
}

TEST_CASE("the doctor's check of a device passes where the case tables do") {
  const auto checks = check_device("twin");
  REQUIRE(checks);
  REQUIRE(checks->size() == 3);
  for (const OperatorCheck& check : *checks) {
    INFO(check.name << " " << check.error);
    CHECK(check.passed());
    CHECK(check.error > 0);  // another order of additions than the reference's
    CHECK(check.ms > 0);
  }
  CHECK((*checks)[0].name == "matmul Q8_0 256 x 2048");
  CHECK(!check_device("cuda:63"));
  CHECK(!check_device("abacus"));
}

TEST_CASE("the kernels of a card agree with the reference, and with their twins to the bit",
          "[gpu]") {
  const DeviceReport report = find_devices();
  const auto twin = open(DeviceKind::twin);
  if (!report.operators.empty()) CHECK(report.operators == twin->operators().names());
  const auto opened = device::open_device({DeviceKind::cuda, 0});
  if (report.devices.empty()) {
    REQUIRE(!opened);
    CHECK(opened.error().code == ErrorCode::unavailable);
    std::ofstream(ENGRAMD_BINARY_DIR "/skipped.txt", std::ios::app)
        << "kernels on a card: no device (" << report.backend << "); their twins ran\n";
    return;
  }
  REQUIRE(opened);
  check_over_cases(*opened);
  for (const MatmulCase& c : matmul_cases()) {
    if ((*opened)->operators().matmul(c.type) == nullptr) continue;
    const MatmulData data(c);
    const Bytes activations = data.activations(cpu::reference_kernels());
    CHECK(product_on(*opened, c, data, activations) == product_on(twin, c, data, activations));
  }
  for (const NormCase& c : kNormCases) CHECK(norm_on(*opened, c) == norm_on(twin, c));
}

}  // namespace engramd::engine::test
