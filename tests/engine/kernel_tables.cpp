// Every kernel table against the reference one, and the reference against plain arithmetic.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "engine/cpu/worker_team.h"
#include "kernel_cases.h"

namespace engramd::engine::test {
namespace {

double relative_error(const std::vector<float>& found, const std::vector<float>& expected) {
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < found.size(); ++i) {
    difference = std::max(difference, std::fabs(double(found[i]) - double(expected[i])));
    largest = std::max(largest, std::fabs(double(expected[i])));
  }
  return difference / largest;
}

std::vector<float> random_floats(size_t n, float sigma, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> out(n);
  for (float& value : out) value = normal(random);
  return out;
}

// f(kernels) in every table, compared with the reference's answer.
template <class F>
void check_tables(double bound, F f) {
  const std::vector<float> expected = f(cpu::reference_kernels());
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    CHECK(relative_error(f(*kernels), expected) <= bound);
  }
}

}  // namespace

TEST_CASE("matmul kernels agree with the reference over the case table") {
  for (const MatmulCase& c : matmul_cases()) {
    const MatmulData data(c);
    const auto& reference = cpu::reference_kernels();
    const auto activations = data.activations(reference);
    const auto expected = data.run(reference, activations, c.n_columns);
    INFO(quant::info(c.type).name << " " << c.rows << " x " << c.n << " x " << c.n_columns);
    for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
      INFO(kernels->name);
      CHECK(data.activations(*kernels) == activations);  // rounding is the same to the bit
      const auto found = data.run(*kernels, activations, c.n_columns);
      CHECK(relative_error(found, expected) <= c.bound);
      CHECK(data.run(*kernels, activations, 1) == found);  // and does not depend on the batch
    }
  }
}

// What rounding activations to int8 costs: at most half a step of 1/127 of the largest value, which
// over random values comes to about half a percent.
TEST_CASE("integer matmul stays within 2 % of exact arithmetic") {
  for (const quant::Type type : {quant::Type::q8_0, quant::Type::q4_k, quant::Type::q6_k}) {
    const MatmulCase c{type, 33, 2048, 3, 0};
    const MatmulData data(c);
    std::vector<float> expected, row(c.n);
    for (size_t column = 0; column < c.n_columns; ++column)
      for (size_t r = 0; r < c.rows; ++r) {
        quant::info(type).to_float(data.weights() + r * data.row_bytes(), row.data(), c.n);
        double sum = 0;
        for (size_t i = 0; i < c.n; ++i) sum += double(row[i]) * double(data.x()[column * c.n + i]);
        expected.push_back(float(sum));
      }
    for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
      INFO(quant::info(type).name << " " << kernels->name);
      CHECK(relative_error(data.run(*kernels, data.activations(*kernels), 3), expected) <= 0.02);
    }
  }
}

TEST_CASE("extreme activations round to the same bytes everywhere") {
  std::vector<float> x = random_floats(512, 1, 3);
  x[5] = 1e30f;  // everything else in this block rounds to zero
  x[300] = -0.0f;
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
  std::fill(x.begin() + 64, x.begin() + 96, 1e-38f);
  x[100] = 0.5f / 127;  // ties go to even
  std::vector<cpu::BlockQ8_32> expected(16);
  cpu::reference_kernels().quantise_q8_32(x.data(), x.size(), expected.data());
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    std::vector<cpu::BlockQ8_32> found(16);
    kernels->quantise_q8_32(x.data(), x.size(), found.data());
    INFO(kernels->name);
    CHECK(std::memcmp(found.data(), expected.data(), 16 * sizeof found[0]) == 0);
  }
  CHECK(expected[1].d == 0);
  CHECK(int(expected[0].q[5]) == 127);
}

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

TEST_CASE("attention kernels agree with the reference") {
  constexpr size_t kPage = 64;
  for (const size_t head_dim : {size_t(8), size_t(24), size_t(64), size_t(128)})
    for (const size_t n_keys : {size_t(1), size_t(7), size_t(64), size_t(65), size_t(200)})
      for (const cpu::KvType type : {cpu::KvType::f32, cpu::KvType::f16}) {
        INFO(head_dim << " " << n_keys << (type == cpu::KvType::f16 ? " f16" : " f32"));
        constexpr size_t kGroup = 3;
        const size_t n_pages = (n_keys + kPage - 1) / kPage,
                     element = type == cpu::KvType::f16 ? 2 : 4;
        const auto q = random_floats(kGroup * head_dim, 1, 1);
        const auto k = random_floats(n_pages * kPage * head_dim, 1, 2);
        const auto v = random_floats(n_pages * kPage * head_dim, 1, 3);
        std::vector<std::byte> k_bytes(k.size() * element), v_bytes(v.size() * element);
        if (type == cpu::KvType::f16) {
          cpu::reference_kernels().to_f16(k.data(), k.size(), k_bytes.data());
          cpu::reference_kernels().to_f16(v.data(), v.size(), v_bytes.data());
        } else {
          std::memcpy(k_bytes.data(), k.data(), k_bytes.size());
          std::memcpy(v_bytes.data(), v.data(), v_bytes.size());
        }
        std::vector<const std::byte*> k_pages, v_pages;
        for (size_t p = 0; p < n_pages; ++p) {
          k_pages.push_back(k_bytes.data() + p * kPage * head_dim * element);
          v_pages.push_back(v_bytes.data() + p * kPage * head_dim * element);
        }
        check_tables(1e-5, [&](const cpu::Kernels& kernels) {
          std::vector<float> scores(kGroup * n_keys), page(kPage * head_dim),
              out(kGroup * head_dim);
          cpu::AttentionArgs args;
          args.q = q.data();
          args.group = kGroup;
          args.head_dim = head_dim;
          args.k_pages = k_pages.data();
          args.v_pages = v_pages.data();
          args.page_keys = kPage;
          args.n_keys = n_keys;
          args.type = type;
          args.scale = 0.2f;
          args.scores = scores.data();
          args.page = page.data();
          args.out = out.data();
          kernels.attention(args);
          return out;
        });
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
