// Memory on a device: who owns it, how much of it there is, what a wrong range gets.
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "engine/device/operators.h"

namespace engramd::engine::test {
namespace {

using device::Buffer;
using device::DeviceId;
using device::DeviceKind;
using Bytes = std::vector<std::byte>;

std::shared_ptr<device::Device> open(DeviceKind kind, uint64_t budget_bytes = 0) {
  auto opened = device::open_device({kind, 0}, budget_bytes);
  REQUIRE(opened);
  return *opened;
}

Bytes counted(size_t n) {
  Bytes out(n);
  for (size_t i = 0; i < n; ++i) out[i] = std::byte(i * 7);
  return out;
}

Bytes downloaded(const Buffer& buffer) {
  Bytes out(buffer.size());
  REQUIRE(buffer.download(out));
  return out;
}

}  // namespace

TEST_CASE("devices are named as people write them") {
  for (const DeviceId id : {DeviceId{DeviceKind::cpu, 0}, DeviceId{DeviceKind::cuda, 0},
                            DeviceId{DeviceKind::cuda, 12}, DeviceId{DeviceKind::twin, 0}}) {
    const auto parsed = device::parse_device(device::to_string(id));
    REQUIRE(parsed);
    CHECK(*parsed == id);
  }
  CHECK(device::to_string(*device::parse_device("cuda")) == "cuda:0");
  for (const char* wrong : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:64", "cpu:0"})
    CHECK(!device::parse_device(wrong));
}

TEST_CASE("a buffer takes from its device's budget and gives it back") {
  const auto device = open(DeviceKind::cpu, 1000);
  {
    auto first = Buffer::make(device, 600);
    REQUIRE(first);
    CHECK(device->budget().left() == 400);
    const auto second = Buffer::make(device, 401);
    REQUIRE(!second);
    CHECK(second.error().code == ErrorCode::exhausted);
    CHECK(second.error().message ==
          "cpu: a buffer of 401 bytes was asked for, 400 of 1000 are left");
    Buffer moved = *std::move(first);
    CHECK(device->budget().left() == 400);
    moved = *Buffer::make(device, 100);  // what it held goes
    CHECK(device->budget().left() == 900);
  }
  CHECK(device->budget().left() == 1000);
  CHECK(!Buffer::make(device, 0));
}

TEST_CASE("a buffer outlives the last other owner of its device") {
  Buffer buffer;
  CHECK(buffer.device() == nullptr);
  {
    const auto device = open(DeviceKind::twin);
    buffer = *Buffer::make_from(device, counted(10));
  }
  CHECK(downloaded(buffer) == counted(10));
  CHECK(size_t(buffer.data()) % device::Device::kAlignment == 0);
}

TEST_CASE("bytes go up, down, within and across devices, and never outside") {
  const auto cpu = open(DeviceKind::cpu), twin = open(DeviceKind::twin);
  for (const auto& [from_device, to_device] :
       {std::pair(cpu, cpu), std::pair(twin, twin), std::pair(cpu, twin), std::pair(twin, cpu)}) {
    Buffer from = *Buffer::make_from(from_device, counted(100));
    Buffer to = *Buffer::make_from(to_device, Bytes(50));
    REQUIRE(to.copy_from(from, 90, 40, 10));
    Bytes expected(50);
    std::memcpy(expected.data() + 40, counted(100).data() + 90, 10);
    CHECK(downloaded(to) == expected);
    CHECK(!to.copy_from(from, 91, 40, 10));
    CHECK(!to.copy_from(from, 90, 41, 10));
    CHECK(!to.copy_from(from, SIZE_MAX, 0, 2));
    CHECK(!to.copy_from(from, 0, 2, SIZE_MAX));
    CHECK(downloaded(to) == expected);
  }
  Buffer buffer = *Buffer::make_from(twin, counted(20));
  CHECK(buffer.copy_from(buffer, 0, 10, 10));
  CHECK(!buffer.copy_from(buffer, 0, 5, 10));  // onto itself
  REQUIRE(buffer.upload(Bytes(4), 16));
  const auto past = buffer.upload(Bytes(5), 16);
  REQUIRE(!past);
  CHECK(past.error().message == "an upload of 5 bytes at 16 in a buffer of 20");
  Bytes out(1);
  CHECK(!buffer.download(out, 20));
  CHECK(!buffer.download(out, SIZE_MAX));
  CHECK(buffer.download({}, 20));
}

TEST_CASE("an operator gets buffers of one device, large enough, in whole blocks") {
  const auto cpu = open(DeviceKind::cpu), twin = open(DeviceKind::twin);
  using quant::Type;
  constexpr size_t kN = 256, kRows = 3;
  const auto make = [](const auto& device, size_t bytes) { return *Buffer::make(device, bytes); };
  const size_t rounded = device::activation_row_bytes(Type::q4_k, kN);
  Buffer weights = *Buffer::make_from(twin, Bytes(16 + kRows * 144)), x = make(twin, kN * 4),
         activations = make(twin, rounded), out = make(twin, kRows * 4);
  REQUIRE(x.upload(Bytes(x.size())));
  REQUIRE(device::quantise(Type::q4_k, x, kN, 1, activations));
  CHECK(device::matmul({&weights, 16, Type::q4_k, kRows, kN}, activations, 1, out));

  const auto message_of = [&](size_t offset, Type type, size_t rows, size_t n, size_t n_columns) {
    const Status status =
        device::matmul({&weights, offset, type, rows, n}, activations, n_columns, out);
    return status ? "" : status.error().message;
  };
  CHECK(message_of(0, Type::q4_k, kRows, kN + 32, 1) ==
        "matmul: rows of 288 elements in Q4_K, expected a multiple of 256");
  CHECK(message_of(32, Type::q4_k, kRows, kN, 1) ==
        "matmul: the weights needs 432 bytes at 32, its buffer has 448");
  CHECK(message_of(8, Type::q4_k, kRows, kN, 1) ==
        "matmul: weights of Q4_K at offset 8, expected a multiple of 16");
  CHECK(message_of(0, Type::q4_k, kRows, kN, 2) ==
        "matmul: the input needs 640 bytes at 0, its buffer has 320");
  CHECK(message_of(0, Type::q4_k, SIZE_MAX / 2, kN, 1) != "");
  CHECK(message_of(0, Type::q5_k, 2, kN, 1) == "twin has no operator matmul for Q5_K");
  CHECK(message_of(0, Type::q4_k, 0, kN, 1) == "");

  Buffer elsewhere = make(cpu, kRows * 4);
  const Status mixed =
      device::matmul({&weights, 0, Type::q4_k, kRows, kN}, activations, 1, elsewhere);
  REQUIRE(!mixed);
  CHECK(mixed.error().message == "matmul: the output is not on the device of the others");
  CHECK(!device::matmul({nullptr, 0, Type::q4_k, kRows, kN}, activations, 1, out));
  CHECK(!device::rms_norm(x, nullptr, kN, 2, 1e-6f, x));
  CHECK(!device::rms_norm(x, &out, kN, 1, 1e-6f, x));
  CHECK(!device::quantise(Type::q4_k, x, kN, 2, activations));
  CHECK(!device::quantise(Type::q4_k, Buffer(), kN, 1, activations));
}

}  // namespace engramd::engine::test
