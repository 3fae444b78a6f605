// A model whose weights lie on a device: no family and no block knows, and the logits are the same
// but for the order of additions.
#include <catch2/catch.hpp>

#include "engine/api/devices.h"
#include "engine/api/session.h"
#include "engine/device/placement.h"
#include "kernel_compare.h"
#include "model_writer.h"

namespace engramd::engine::test {
namespace {

std::shared_ptr<const Model> load(const TemporaryModel& file, const std::string& device) {
  LoadOptions options;
  options.n_threads = 2;
  options.kernels = "reference";
  options.device = device;
  auto model = Model::load(file.path(), options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  return *model;
}

std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  std::vector<TokenId> tokens;
  for (TokenId token = 1; token < 20; ++token) tokens.push_back(token * 7 % TokenId(kRandomVocab));
  auto session = model->open_session(0);
  REQUIRE(session);
  REQUIRE((*session)->sync(tokens));
  const auto logits = (*session)->logits();
  return {logits.begin(), logits.end()};
}

// A device whose memory works and whose kernels do not.
class BrokenDevice final : public device::Device {
 public:
  BrokenDevice() : Device({device::DeviceKind::twin, 0}, rows(), 1 << 20) {}
  Result<std::byte*> allocate(size_t bytes) override { return new std::byte[bytes]; }
  void release(std::byte* data) override { delete[] data; }
  Status upload(std::byte* to, const std::byte* from, size_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  Status download(std::byte*, const std::byte*, size_t) override { return broken(); }
  Status copy(std::byte*, const std::byte*, size_t) override { return broken(); }
  Status synchronise() override { return broken(); }

 private:
  static Status broken() { return fail(ErrorCode::internal, "twin: fell off the bus"); }
  static device::Operators rows() {
    device::Operators out;
    out.matmul_of[size_t(quant::Type::f32)] = [](Device&, const device::MatmulArgs&) -> Status {
      return {};
    };
    return out;
  }
};

// Families and weight types that devices have rows for.
template <class Body>
void for_each_placed(Body&& body) {
  for (const char* architecture : {"qwen3moe", "engramd"})
    for (const quant::Type type : {quant::Type::q8_0, quant::Type::q4_k}) {
      INFO(architecture << " in " << quant::info(type).name);
      RandomModel shape;
      shape.architecture = architecture;
      shape.type = type;
      body(TemporaryModel(shape));
    }
}

}  // namespace

TEST_CASE("a model with its weights on a device computes what it computes on the CPU") {
  for_each_placed([](const TemporaryModel& file) {
    const auto on_cpu = load(file, ""), on_twin = load(file, "twin");
    CHECK(on_cpu->info().placed_bytes == 0);
    CHECK(on_twin->info().placed_bytes > on_twin->info().file_bytes / 2);
    const auto expected = logits_of(on_cpu), found = logits_of(on_twin);
    const double error = relative_error(found, expected);
    CHECK(error <= 1e-4);
    CHECK(error > 0);  // the device did compute: its order of additions is another
    CHECK(logits_of(on_twin) == found);
  });
}

TEST_CASE("a model with its weights on a card computes what it computes on the card's twin",
          "[gpu]") {
  if (find_devices().devices.empty()) return;  // counted by the test of the card's kernels
  for_each_placed([](const TemporaryModel& file) {
    const auto on_card = load(file, "cuda:0");
    CHECK(on_card->info().placed_bytes > on_card->info().file_bytes / 2);
    CHECK(logits_of(on_card) == logits_of(load(file, "twin")));
  });
}

TEST_CASE("weights of types that a device has no row for stay on the CPU") {
  RandomModel shape;
  shape.type = quant::Type::f32;
  const TemporaryModel file(shape);
  const auto model = load(file, "twin");
  CHECK(model->info().placed_bytes == 0);
  CHECK(logits_of(model) == logits_of(load(file, "cpu")));
}

TEST_CASE("a device that is not there is one clear error at load") {
  const TemporaryModel file{RandomModel()};
  LoadOptions options;
  options.device = "cuda:63";
  const auto absent = Model::load(file.path(), options);
  REQUIRE(!absent);
  CHECK(absent.error().code == ErrorCode::unavailable);
  options.device = "abacus";
  const auto unknown = Model::load(file.path(), options);
  REQUIRE(!unknown);
  CHECK(unknown.error().message == "no device is called \"abacus\", expected cpu, cuda:N or twin");
}

TEST_CASE("a device that fails is given up, not waited for") {
  device::Placement placement(std::make_shared<BrokenDevice>());
  const std::vector<std::byte> weights(4 * sizeof(float)), activations(4 * sizeof(float));
  REQUIRE(placement.takes(quant::Type::f32));
  REQUIRE(placement.place(weights));
  CHECK(placement.place(std::vector<std::byte>(2 << 20)).error().code == ErrorCode::exhausted);
  CHECK(placement.placed_bytes() == weights.size());
  const device::Buffer* placed = placement.find(weights.data());
  REQUIRE(placed != nullptr);
  const std::byte* row = activations.data();
  float value = 7;
  float* out = &value;
  CHECK(!placement.multiply({placed, 0, quant::Type::f32, 1, 4}, {&row, 1}, &out));
  CHECK(placement.find(weights.data()) == nullptr);
}

}  // namespace engramd::engine::test
