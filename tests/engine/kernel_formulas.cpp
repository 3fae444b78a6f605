// The reference operators on values that can be worked out by hand: they are what the other tables
// are held to, so they need a witness of their own.
#include <catch2/catch.hpp>
#include <cmath>

#include "kernel_compare.h"

namespace engramd::engine::test {

TEST_CASE("interleaved rotation turns neighbours, and back again") {
  const float cos[] = {0.0f, 0.6f}, sin[] = {1.0f, 0.8f};
  for (const cpu::Kernels* k : cpu::usable_kernels()) {
    INFO(k->name);
    std::vector<float> x = {2, 3, 1, 2};
    k->rope_interleaved(x.data(), 4, cos, sin, false);
    CHECK(x[0] == Approx(-3));
    CHECK(x[1] == Approx(2));
    CHECK(x[2] == Approx(0.6 * 1 - 0.8 * 2));
    CHECK(x[3] == Approx(0.8 * 1 + 0.6 * 2));
    k->rope_interleaved(x.data(), 4, cos, sin, true);
    CHECK(x[0] == Approx(2));
    CHECK(x[3] == Approx(2));
  }
}

TEST_CASE("activations of the gated feed-forwards") {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (const cpu::Kernels* k : cpu::usable_kernels()) {
    INFO(k->name);
    // gate is only cut from above, up on both sides.
    std::vector<float> gate = {12, -20, 3}, up = {-14, 11, 2};
    k->silu_multiply_clamped(gate.data(), up.data(), 3, 10);
    CHECK(gate[0] == Approx(10 * sigmoid(10) * -10));
    CHECK(gate[1] == Approx(-20 * sigmoid(-20) * 10));
    CHECK(gate[2] == Approx(3 * sigmoid(3) * 2));
    gate = {9, -20, 3}, up = {-14, 11, 2};
    k->swiglu_oss(gate.data(), up.data(), 3, 1.702f, 7);
    CHECK(gate[0] == Approx(7 * sigmoid(1.702 * 7) * (-7 + 1)));
    CHECK(gate[1] == Approx(-20 * sigmoid(1.702 * -20) * (7 + 1)));
    CHECK(gate[2] == Approx(3 * sigmoid(1.702 * 3) * 3));
    std::vector<float> x = {0, 30, -30, 2};
    k->softplus(x.data(), 4);
    CHECK(x[0] == Approx(std::log(2.0)));
    CHECK(x[1] == Approx(30));
    CHECK(x[2] == Approx(std::exp(-30.0)).epsilon(1e-5));
    CHECK(x[3] == Approx(std::log1p(std::exp(2.0))));
    x = {-4, 4};
    k->sqrt_softplus(x.data(), 2);
    CHECK(x[0] == Approx(std::sqrt(std::log1p(std::exp(-4.0)))));
    CHECK(x[1] == Approx(std::sqrt(std::log1p(std::exp(4.0)))));
  }
}

TEST_CASE("the Hadamard transform is its own inverse and keeps lengths") {
  for (const size_t n : {size_t(2), size_t(4), size_t(8), size_t(128), size_t(256)}) {
    const auto x = random_floats(n, 1, uint32_t(n));
    double length = 0;
    for (const float value : x) length += double(value) * double(value);
    for (const cpu::Kernels* k : cpu::usable_kernels()) {
      INFO(k->name << " " << n);
      auto y = x;
      k->hadamard(y.data(), n);
      double found = 0, sum = 0;
      for (const float value : y) found += double(value) * double(value);
      for (const float value : x) sum += double(value);
      CHECK(found == Approx(length));
      CHECK(double(y[0]) == Approx(sum / std::sqrt(double(n))).margin(1e-5));
      k->hadamard(y.data(), n);
      CHECK(relative_error(y, x) < 1e-6);
    }
  }
}

TEST_CASE("a causal convolution sees what came before the run") {
  // Two channels, three taps; the state holds the inputs at times -2 and -1.
  const std::vector<float> weights = {1, 10, 100, 2, 20, 200};
  for (const cpu::Kernels* k : cpu::usable_kernels()) {
    INFO(k->name);
    std::vector<float> state = {1, 2, 3, 4}, in = {5, 6, 7, 8}, out(4);
    cpu::CausalConvArgs args;
    args.in = in.data();
    args.weights = weights.data();
    args.state = state.data();
    args.out = out.data();
    args.n_tokens = 2;
    args.n_channels = 2;
    args.width = 3;
    k->causal_conv(args);
    CHECK(out == std::vector<float>{1 + 30 + 500, 4 + 80 + 1200, 3 + 50 + 700, 8 + 120 + 1600});
    CHECK(state == in);
    // One token at a time gives the same.
    state = {1, 2, 3, 4};
    std::vector<float> single(4);
    args.n_tokens = 1;
    for (size_t t = 0; t < 2; ++t) {
      args.in = in.data() + 2 * t;
      args.out = single.data() + 2 * t;
      k->causal_conv(args);
    }
    CHECK(single == out);
    CHECK(state == in);
  }
}

TEST_CASE("the delta rule replaces what a key recalls") {
  for (const cpu::Kernels* k : cpu::usable_kernels()) {
    INFO(k->name);
    std::vector<float> state(2 * 8);
    const std::vector<float> key = {0.6f, 0.8f};
    std::vector<float> value(8), out(8);
    cpu::DeltaRuleArgs args;
    args.q = args.k = key.data();
    args.v = value.data();
    args.state = state.data();
    args.out = out.data();
    args.n_tokens = 1;
    args.key_dim = 2;
    args.value_dim = 8;
    float log_decay = 0, beta = 1;
    args.log_decay = &log_decay;
    args.beta = &beta;
    for (size_t i = 0; i < 8; ++i) value[i] = float(i);
    k->delta_rule(args);  // a full write: the key now recalls the value
    for (size_t i = 0; i < 8; ++i) CHECK(out[i] == Approx(double(i)).margin(1e-6));
    for (float& v : value) v = 100;
    beta = 0.25f;
    log_decay = std::log(0.5f);
    k->delta_rule(args);  // half of it is forgotten, then a quarter of the way to 100
    for (size_t i = 0; i < 8; ++i)
      CHECK(out[i] == Approx(0.5 * double(i) * 0.75 + 25).margin(1e-5));
  }
}

}  // namespace engramd::engine::test
