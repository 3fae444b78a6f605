// Operators on rows and over the cache: every table against the reference one.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "engine/cpu/worker_team.h"
#include "kernel_compare.h"

namespace engramd::engine::test {

TEST_CASE("element-wise kernels agree with the reference") {
  for (const size_t n : {size_t(2), size_t(8), size_t(24), size_t(77), size_t(128), size_t(1000)}) {
    INFO(n);
    const auto a = random_floats(n, 3, 1), b = random_floats(n, 1, 2);
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.rms_norm(x.data(), b.data(), n, 1e-6f, x.data());
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.softmax(x.data(), n);
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.silu_multiply(x.data(), b.data(), n);
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.rms_norm(x.data(), nullptr, n, 1e-6f, x.data());
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.l2_norm(x.data(), n, 1e-6f);
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.silu_multiply_clamped(x.data(), b.data(), n, 0.75f);
      return x;
    });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.swiglu_oss(x.data(), b.data(), n, 1.702f, 1.5f);
      return x;
    });
    for (auto f : {&cpu::Kernels::sigmoid, &cpu::Kernels::silu, &cpu::Kernels::softplus,
                   &cpu::Kernels::sqrt_softplus})
      check_tables(1e-6, [&](const cpu::Kernels& k) {
        auto x = a;
        (k.*f)(x.data(), n);
        return x;
      });
    check_tables(1e-6, [&](const cpu::Kernels& k) {
      auto x = a;
      k.add_scaled(x.data(), b.data(), 0.3f, n);
      return x;
    });
    check_tables(0, [&](const cpu::Kernels& k) {
      std::vector<uint16_t> h(n);
      k.to_bf16(a.data(), n, reinterpret_cast<std::byte*>(h.data()));
      return std::vector<float>(h.begin(), h.end());
    });
    check_tables(0, [&](const cpu::Kernels& k) {
      std::vector<uint16_t> h(n);
      k.to_f16(a.data(), n, reinterpret_cast<std::byte*>(h.data()));
      return std::vector<float>(h.begin(), h.end());
    });
    if (n % 2 == 0)
      check_tables(1e-6, [&](const cpu::Kernels& k) {
        auto x = a;
        std::vector<float> cos, sin;
        for (size_t i = 0; i < n / 2; ++i) {
          cos.push_back(std::cos(float(i)));
          sin.push_back(std::sin(float(i)));
        }
        k.rope_neox(x.data(), n, cos.data(), sin.data());
        k.rope_interleaved(x.data(), n, cos.data(), sin.data(), false);
        k.rope_interleaved(x.data(), n, sin.data(), cos.data(), true);
        return x;
      });
  }
}

TEST_CASE("exponentials far from zero neither overflow nor vanish wrongly") {
  for (const cpu::Kernels* k : cpu::usable_kernels()) {
    INFO(k->name);
    std::vector<float> x = {-1e4f, 0, 80, 1e4f, -200, 3, 9000, 1e4f, 5};
    k->softmax(x.data(), x.size());
    CHECK(x[3] == Approx(0.5));
    CHECK(x[7] == Approx(0.5));
    CHECK(x[0] < 1e-30f);
    std::vector<float> gate = {-1e4f, 1e4f, -100, 100, 0, 1, -1, 20, -20}, up(9, 1.0f);
    k->silu_multiply(gate.data(), up.data(), 9);
    CHECK(std::fabs(gate[0]) < 1e-30f);
    CHECK(gate[1] == Approx(1e4f));
    CHECK(gate[5] == Approx(0.7310586));
  }
}

TEST_CASE("kernels are chosen by name, and an unknown name lists the usable ones") {
  const auto chosen = cpu::select_kernels("reference");
  REQUIRE(chosen);
  CHECK((*chosen)->name == "reference");
  const auto wrong = cpu::select_kernels("avx9000");
  REQUIRE(!wrong);
  CHECK(wrong.error().message.find("reference") != std::string::npos);
}

TEST_CASE("a worker team runs every item once, many times over") {
  cpu::WorkerTeam team(4);
  std::vector<int> hits(1000);
  for (int round = 0; round < 500; ++round) {
    const size_t n = size_t(round * 37 % 1000);
    std::fill(hits.begin(), hits.end(), 0);
    CHECK(team.run(n, {}, [&](size_t item, size_t) { ++hits[item]; }));
    CHECK(std::accumulate(hits.begin(), hits.end(), 0) == int(n));
    CHECK(*std::max_element(hits.begin(), hits.end()) <= 1);
  }
}

TEST_CASE("a cancelled worker team skips what is left") {
  cpu::WorkerTeam team(3);
  CancelSource source;
  std::atomic<int> n_run{0};
  CHECK_FALSE(team.run(100000, source.token(), [&](size_t, size_t) {
    if (++n_run == 10) source.cancel();
  }));
  CHECK(n_run < 100);
  CHECK(team.run(5, {}, [&](size_t, size_t) {}));  // and works again
}

}  // namespace engramd::engine::test
