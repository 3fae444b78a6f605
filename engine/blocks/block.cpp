#include "engine/blocks/block.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "engine/device/placement.h"

namespace engramd::engine::blocks {

void Scratch::Free::operator()(std::byte* p) const {
  std::free(p);
}

std::byte* Scratch::bytes(size_t n) {
  constexpr size_t kAlign = 64, kSmallestChunk = 1 << 20;
  n = (n + kAlign - 1) / kAlign * kAlign;
  while (chunk_ < chunks_.size() && n > chunks_[chunk_].size - used_) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    const size_t size = std::max(n, kSmallestChunk);
    auto* data = static_cast<std::byte*>(std::aligned_alloc(kAlign, size));
    if (data == nullptr) throw std::bad_alloc();  // becomes an error at the session's edge
    chunks_.push_back({std::unique_ptr<std::byte, Free>(data), size});
    used_ = 0;
  }
  std::byte* out = chunks_[chunk_].data.get() + used_;
  used_ += n;
  return out;
}

size_t Scratch::memory_bytes() const {
  size_t sum = 0;
  for (const Chunk& chunk : chunks_) sum += chunk.size;
  return sum;
}

const std::byte* const* Activations::in_format_of(quant::Type type) {
  const cpu::ActivationFormat format = cpu::activation_format(type);
  auto& rows = formats_[size_t(format)];
  if (rows != nullptr) return rows;
  auto** pointers = step_.scratch.array<const std::byte*>(n_rows_);
  if (format == cpu::ActivationFormat::f32) {
    for (size_t i = 0; i < n_rows_; ++i)
      pointers[i] = reinterpret_cast<const std::byte*>(rows_ + i * n_columns_);
  } else {
    const size_t bytes = cpu::activation_bytes(format, n_columns_);
    std::byte* data = step_.scratch.bytes(bytes * n_rows_);
    const bool done = for_each_row(step_, n_rows_, [&](size_t i, size_t) {
      step_.kernels.quantise(format, rows_ + i * n_columns_, n_columns_, data + i * bytes);
      pointers[i] = data + i * bytes;
    });
    if (!done) return nullptr;
  }
  return rows = pointers;
}

bool project(Step& step, Activations& rows, std::initializer_list<Projection> projections) {
  const size_t n = rows.n_rows();
  auto* jobs = step.scratch.array<MatmulJob>(projections.size());
  size_t n_jobs = 0;
  bool biased = false;
  for (const Projection& p : projections) {
    const auto* activations = rows.in_format_of(p.matrix->type);
    if (activations == nullptr) return false;
    jobs[n_jobs++] = {p.matrix, 0, activations, row_pointers(step, p.out, n, p.matrix->rows), n};
    biased |= p.bias != nullptr;
  }
  if (!run_matmuls(step, {jobs, n_jobs})) return false;
  if (!biased) return true;
  return for_each_row(step, n, [&](size_t t, size_t) {
    for (const Projection& p : projections) {
      if (p.bias == nullptr) continue;
      float* out = p.out + t * p.matrix->rows;
      for (size_t i = 0; i < p.matrix->rows; ++i) out[i] += p.bias[i];
    }
  });
}

float* const* row_pointers(Step& step, float* data, size_t n, size_t stride) {
  auto** out = step.scratch.array<float*>(n);
  for (size_t i = 0; i < n; ++i) out[i] = data + i * stride;
  return out;
}

namespace {

// Runs what the step's device has weights for; what is left is for the CPU.
std::vector<MatmulJob> run_on_device(const Step& step, std::span<const MatmulJob> jobs) {
  std::vector<MatmulJob> left;
  for (const MatmulJob& job : jobs) {
    if (step.cancel.cancelled()) break;  // the CPU's part sees it too
    if (job.n_columns == 0) continue;
    const Matrix& m = *job.matrix;
    const device::Buffer* weights = step.placement->find(m.data);
    if (weights == nullptr || !step.placement->multiply({weights, job.slice * m.rows * m.row_bytes,
                                                         m.type, m.rows, m.columns},
                                                        {job.activations, job.n_columns}, job.out))
      left.push_back(job);
  }
  return left;
}

bool run_on_cpu(Step& step, std::span<const MatmulJob> jobs) {
  struct Item {
    uint32_t job, row_begin, row_end;
  };
  // About a millisecond of multiplications on one core, and for small steps about four items a
  // thread, so that one slow thread does not hold the others up; below the floor the hand-over
  // itself would cost more.
  constexpr double kMostWork = 12e6, kLeastWork = 1e5;
  double total = 0;
  for (const MatmulJob& job : jobs)
    total += double(job.matrix->rows) * double(job.matrix->columns) * double(job.n_columns);
  const double per_item =
      std::clamp(total / double(4 * step.team.n_threads()), kLeastWork, kMostWork);

  std::vector<Item> items;
  for (size_t j = 0; j < jobs.size(); ++j) {
    const MatmulJob& job = jobs[j];
    if (job.n_columns == 0) continue;
    const double per_row = double(job.matrix->columns) * double(job.n_columns);
    // Kernels take up to 16 rows at once.
    const size_t rows = std::max<size_t>(size_t(per_item / per_row) / 16 * 16, 16);
    for (size_t r = 0; r < job.matrix->rows; r += rows)
      items.push_back({uint32_t(j), uint32_t(r), uint32_t(std::min(r + rows, job.matrix->rows))});
  }
  return step.team.run(items.size(), step.cancel, [&](size_t index, size_t) {
    const Item& item = items[index];
    const MatmulJob& job = jobs[item.job];
    const Matrix& matrix = *job.matrix;
    step.kernels.matmul(matrix.type)({matrix.slice(job.slice), matrix.row_bytes, matrix.columns,
                                      item.row_begin, item.row_end, job.activations, job.out,
                                      job.n_columns});
  });
}

}  // namespace

bool run_matmuls(Step& step, std::span<const MatmulJob> jobs) {
  if (step.placement == nullptr) return run_on_cpu(step, jobs);
  const std::vector<MatmulJob> left = run_on_device(step, jobs);
  return run_on_cpu(step, left);
}

}  // namespace engramd::engine::blocks
