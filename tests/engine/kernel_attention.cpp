// The operators that mix tokens: every table against the reference one, and attention's corners
// against what they must mean.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "kernel_compare.h"

namespace engramd::engine::test {
namespace {

struct AttentionCase {
  size_t group = 3, head_dim = 64, value_dim = 0, page_keys = 64, n_keys = 100, first_key = 0;
  cpu::KvType type = cpu::KvType::f16;
  bool sinks = false;
  bool shared_rows = false;  // the value is the first part of the key's row
};

// Pages of random rows and everything else a call needs.
class AttentionData {
 public:
  explicit AttentionData(const AttentionCase& c) : c_(c) {
    const size_t dv = c.value_dim == 0 ? c.head_dim : c.value_dim;
    n_pages_ = (c.n_keys + c.page_keys - 1) / c.page_keys;
    q = random_floats(c.group * c.head_dim, 1, 1);
    sinks = random_floats(c.group, 2, 4);
    const size_t rows = n_pages_ * c.page_keys;
    k_ = stored(random_floats(rows * c.head_dim, 1, 2));
    v_ = stored(random_floats(rows * dv, 1, 3));
    const size_t element = cpu::kv_element_bytes(c.type);
    for (size_t p = 0; p < n_pages_; ++p) {
      k_pages.push_back(k_.data() + p * c.page_keys * c.head_dim * element);
      v_pages.push_back(c.shared_rows ? k_pages.back()
                                      : v_.data() + p * c.page_keys * dv * element);
    }
    args.q = q.data();
    args.group = c.group;
    args.head_dim = c.head_dim;
    args.value_dim = c.value_dim;
    args.k_pages = k_pages.data();
    args.v_pages = v_pages.data();
    if (c.shared_rows) args.v_row_bytes = c.head_dim * element;
    args.page_keys = c.page_keys;
    args.n_keys = c.n_keys;
    args.first_key = c.first_key;
    args.type = c.type;
    args.scale = 0.2f;
    if (c.sinks) args.sinks = sinks.data();
  }

  std::vector<float> run(const cpu::Kernels& kernels, cpu::AttentionArgs a) const {
    const size_t dv = a.value_size();
    std::vector<float> scores(a.group * a.n_keys, NAN),
        page(cpu::kAttentionPage * std::max(dv, a.head_dim)), out(a.group * dv, NAN);
    a.scores = scores.data();
    a.page = page.data();
    a.out = out.data();
    kernels.attention(a);
    return out;
  }
  std::vector<float> run(const cpu::Kernels& kernels) const { return run(kernels, args); }

  cpu::AttentionArgs args;
  std::vector<float> q, sinks;
  std::vector<const std::byte*> k_pages, v_pages;

 private:
  std::vector<std::byte> stored(const std::vector<float>& x) const {
    std::vector<std::byte> out(x.size() * cpu::kv_element_bytes(c_.type));
    cpu::reference_kernels().to_row(c_.type, x.data(), x.size(), out.data());
    return out;
  }
  AttentionCase c_;
  size_t n_pages_ = 0;
  std::vector<std::byte> k_, v_;
};

}  // namespace

TEST_CASE("attention kernels agree with the reference") {
  using cpu::KvType;
  std::vector<AttentionCase> cases;
  for (const size_t head_dim : {size_t(8), size_t(24), size_t(64), size_t(128)})
    for (const size_t n_keys : {size_t(1), size_t(7), size_t(64), size_t(65), size_t(200)})
      for (const KvType type : {KvType::f32, KvType::f16, KvType::bf16})
        for (const bool sinks : {false, true})
          cases.push_back({3, head_dim, 0, 64, n_keys, n_keys / 3, type, sinks, false});
  // Latent attention: keys of 576, the value is the first 512 of the same row.
  cases.push_back({4, 576, 512, 64, 130, 0, KvType::f16, false, true});
  // DeepSeek-V4: one row of 512 is key and value; rows picked one by one.
  cases.push_back({5, 512, 0, 1, 70, 3, KvType::bf16, true, true});
  cases.push_back({2, 64, 96, 32, 50, 31, KvType::f32, true, false});
  for (const AttentionCase& c : cases) {
    INFO(c.head_dim << " " << c.value_dim << " " << c.n_keys << " from " << c.first_key << " type "
                    << int(c.type));
    const AttentionData data(c);
    check_tables(1e-5, [&](const cpu::Kernels& kernels) { return data.run(kernels); });
  }
}

TEST_CASE("a query head's result does not depend on the heads beside it") {
  const AttentionData data({5, 128, 0, 64, 150, 10, cpu::KvType::f16, true, false});
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    const auto together = data.run(*kernels);
    std::vector<float> apart;
    for (size_t g = 0; g < 5; ++g) {
      cpu::AttentionArgs one = data.args;
      one.group = 1;
      one.q += g * one.head_dim;
      one.sinks += g;
      const auto row = data.run(*kernels, one);
      apart.insert(apart.end(), row.begin(), row.end());
    }
    CHECK(apart == together);
  }
}

TEST_CASE("tokens that go together give what each gives alone") {
  for (const size_t n_tokens : {size_t(2), size_t(5), cpu::kAttentionTokens})
    for (const size_t n_keys : {size_t(1), size_t(60), size_t(130)})
      for (const size_t group : {size_t(1), size_t(3), size_t(8)}) {
        INFO(n_tokens << " tokens, " << n_keys << " keys, " << group << " heads");
        // Two more heads' queries lie between those of one token and the next.
        const size_t d = 64, stride = (group + 2) * d;
        AttentionData data(
            {group, d, 0, 64, n_keys + n_tokens - 1, 0, cpu::KvType::f16, true, false});
        const auto q = random_floats(n_tokens * stride, 1, 7);
        for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
          INFO(kernels->name);
          std::vector<float> scores(n_tokens * group * (n_keys + n_tokens - 1)),
              page(cpu::kAttentionPage * d), together(n_tokens * stride, NAN);
          cpu::AttentionArgs args = data.args;
          args.q = q.data();
          args.n_keys = n_keys;
          args.n_tokens = n_tokens;
          args.q_stride = args.out_stride = stride;
          args.scores = scores.data();
          args.page = page.data();
          args.out = together.data();
          kernels->attention(args);
          for (size_t t = 0; t < n_tokens; ++t) {
            cpu::AttentionArgs one = data.args;
            one.q = q.data() + t * stride;
            one.n_keys = n_keys + t;
            const auto alone = data.run(*kernels, one);
            const auto first = together.begin() + std::ptrdiff_t(t * stride);
            CHECK(std::vector<float>(first, first + std::ptrdiff_t(group * d)) == alone);
            CHECK(std::isnan(together[t * stride + group * d]));
          }
        }
      }
}

TEST_CASE("keys before the window are not seen, whatever they hold") {
  AttentionData data({2, 64, 0, 16, 60, 32, cpu::KvType::f16, false, false});
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    // The same as a cache that begins with the window: its pages are whole ones here.
    cpu::AttentionArgs later = data.args;
    later.k_pages += 2;
    later.v_pages += 2;
    later.n_keys -= 32;
    later.first_key = 0;
    const auto expected = data.run(*kernels, later);
    std::vector<const std::byte*> k = data.k_pages, v = data.v_pages;
    k[0] = k[1] = v[0] = v[1] = nullptr;
    cpu::AttentionArgs window = data.args;
    window.k_pages = k.data();
    window.v_pages = v.data();
    CHECK(relative_error(data.run(*kernels, window), expected) < 1e-6);
  }
}

TEST_CASE("a sink takes weight and gives no value") {
  AttentionData data({1, 8, 0, 64, 3, 0, cpu::KvType::f32, true, false});
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    data.sinks[0] = -1e4f;  // no weight at all
    const auto plain = data.run(*kernels);
    cpu::AttentionArgs without = data.args;
    without.sinks = nullptr;
    CHECK(relative_error(plain, data.run(*kernels, without)) < 1e-6);
    data.sinks[0] = 1e4f;  // all the weight
    for (const float value : data.run(*kernels)) CHECK(std::fabs(value) < 1e-30f);
    // As much as one key of score 0: with all scores 0 each of the three keys has a quarter.
    std::fill(data.q.begin(), data.q.end(), 0.0f);
    data.sinks[0] = 0;
    const auto quarter = data.run(*kernels), third = data.run(*kernels, without);
    for (size_t i = 0; i < 8; ++i) CHECK(quarter[i] == Approx(third[i] * 0.75f).margin(1e-7));
  }
}

TEST_CASE("convolutions and delta rules agree with the reference") {
  for (const size_t n_channels : {size_t(3), size_t(8), size_t(29)})
    for (const size_t width : {size_t(2), size_t(4)})
      for (const size_t n_tokens : {size_t(1), size_t(2), size_t(9)})
        for (const bool silu : {false, true}) {
          INFO(n_channels << " channels, " << width << " taps, " << n_tokens << " tokens");
          const auto in = random_floats(n_tokens * n_channels, 1, 1);
          const auto weights = random_floats(n_channels * width, 1, 2);
          const auto before = random_floats((width - 1) * n_channels, 1, 3);
          check_tables(1e-6, [&](const cpu::Kernels& k) {
            auto state = before;
            std::vector<float> out(in.size());
            k.causal_conv({in.data(), weights.data(), state.data(), out.data(), n_tokens,
                           n_channels, width, silu});
            out.insert(out.end(), state.begin(), state.end());
            return out;
          });
        }
  for (const size_t key_dim : {size_t(5), size_t(128)})
    for (const size_t value_dim : {size_t(8), size_t(40), size_t(128)})
      for (const bool per_channel : {false, true}) {
        INFO(key_dim << " x " << value_dim);
        constexpr size_t kTokens = 6;
        auto k = random_floats(kTokens * key_dim, 1, 1);
        for (size_t t = 0; t < kTokens; ++t)
          cpu::reference_kernels().l2_norm(k.data() + t * key_dim, key_dim, 1e-6f);
        const auto q = random_floats(kTokens * key_dim, 0.1f, 2);
        const auto v = random_floats(kTokens * value_dim, 1, 3);
        auto log_decay = random_floats(kTokens * key_dim, 1, 4);
        for (float& g : log_decay) g = -std::fabs(g);
        auto beta = random_floats(kTokens, 1, 5);
        cpu::reference_kernels().sigmoid(beta.data(), kTokens);
        const auto state_before = random_floats(key_dim * value_dim, 1, 6);
        cpu::DeltaRuleArgs args;
        args.q = q.data();
        args.k = k.data();
        args.v = v.data();
        args.log_decay = log_decay.data();
        args.beta = beta.data();
        args.n_tokens = kTokens;
        args.key_dim = args.qk_stride = args.decay_stride = key_dim;
        args.value_dim = args.v_stride = args.out_stride = value_dim;
        args.beta_stride = 1;
        args.decay_per_channel = per_channel;
        const auto run = [&](const cpu::Kernels& kernels, size_t together) {
          auto state = state_before;
          std::vector<float> out(kTokens * value_dim);
          for (size_t t = 0; t < kTokens; t += together) {
            cpu::DeltaRuleArgs a = args;
            a.q += t * key_dim;
            a.k += t * key_dim;
            a.v += t * value_dim;
            a.log_decay += t * key_dim;
            a.beta += t;
            a.n_tokens = together;
            a.state = state.data();
            a.out = out.data() + t * value_dim;
            kernels.delta_rule(a);
          }
          out.insert(out.end(), state.begin(), state.end());
          return out;
        };
        check_tables(1e-5, [&](const cpu::Kernels& kernels) { return run(kernels, kTokens); });
        for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
          INFO(kernels->name);
          CHECK(run(*kernels, 1) == run(*kernels, kTokens));  // prompt or token by token
        }
      }
}

}  // namespace engramd::engine::test
