// Requantising: what is written, what is told of it, and what is refused.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/api/model.h"
#include "engine/api/model_file.h"
#include "engine/format/gguf.h"
#include "engine/format/gguf_writer.h"
#include "model_writer.h"
#include "safetensors_writer.h"

namespace engramd::engine::test {
namespace {

namespace fs = std::filesystem;

RandomModel shape() {
  RandomModel m;
  m.n_layers = 1;
  return m;
}

class Folder {
 public:
  Folder() : folder_(*TemporaryFolder::make("engramd-convert")) {}
  fs::path operator/(const std::string& name) const { return folder_.path() / name; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      out.push_back(entry.path().filename().string());
    return out;
  }

 private:
  TemporaryFolder folder_;
};

void check_refused(const fs::path& from, const ConvertOptions& options,
                   const std::string& expected) {
  const Folder folder;
  const auto report = convert_model_file(from, folder / "out.gguf", options, {}, {});
  REQUIRE(!report);
  INFO(report.error().message);
  CHECK(report.error().message.find(expected) != std::string::npos);
  CHECK(folder.names().empty());  // nothing is left behind
}

const ConvertedTensor& line_of(const ConvertReport& report, const std::string& name) {
  for (const ConvertedTensor& tensor : report.tensors)
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

}  // namespace

TEST_CASE("a requantised model runs and its errors are told") {
  const TemporaryModel model(shape());
  const Folder folder;
  ConvertOptions options;
  options.type = GENERATE("q8_0", "q4_k", "q6_k", "q4_0", "iq4_nl", "bf16", "f16");
  INFO(options.type);
  const auto report = convert_model_file(model.path(), folder / "out.gguf", options, {}, {});
  INFO((report ? std::string() : report.error().message));
  REQUIRE(report);
  const auto opened = *format::GgufFile::open(folder / "out.gguf");
  const format::GgufFile& written = *opened;
  const quant::TypeInfo* type = quant::find_type(options.type);
  CHECK(written.find_tensor("blk.0.attn_q.weight")->type == type);
  CHECK(written.find_tensor("blk.0.ffn_up_exps.weight")->type == type);
  CHECK(written.find_tensor("blk.0.ffn_gate_inp.weight")->type->name == "F32");
  CHECK(written.find_tensor("blk.0.attn_norm.weight")->type->name == "F32");
  // No less than six bits for what every token goes through.
  const auto* output = written.find_tensor("output.weight")->type;
  CHECK(8.0 * double(output->block_bytes) / double(output->block_elements) >= 6);
  CHECK(written.file_bytes() == report->bytes_after);

  // The report is what the two files say.
  const auto before = *format::GgufFile::open(model.path());
  const ConvertedTensor& line = line_of(*report, "blk.0.attn_q.weight");
  const auto* a = before->find_tensor("blk.0.attn_q.weight");
  const auto* b = written.find_tensor("blk.0.attn_q.weight");
  std::vector<float> x(a->n_elements), y(a->n_elements);
  a->type->to_float(a->bytes.data(), x.data(), x.size());
  b->type->to_float(b->bytes.data(), y.data(), y.size());
  double squares = 0, errors = 0, largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    squares += double(x[i]) * x[i];
    errors += (double(y[i]) - x[i]) * (double(y[i]) - x[i]);
    largest = std::max(largest, std::abs(double(y[i]) - x[i]));
  }
  CHECK(line.relative_rms_error == Approx(std::sqrt(errors / squares)).epsilon(1e-6));
  CHECK(line.max_error == Approx(largest).epsilon(1e-6));
  CHECK(line.relative_rms_error > 0);
  CHECK(line.relative_rms_error < 0.15);
  CHECK(line_of(*report, "blk.0.attn_norm.weight").max_error == 0);
  REQUIRE(Model::load(folder / "out.gguf"));
  CHECK(folder.names() == std::vector<std::string>{"out.gguf"});
}

TEST_CASE("types can be chosen by tensor name") {
  const TemporaryModel model(shape());
  const Folder folder;
  ConvertOptions options;
  options.type = "q4_k";
  options.keep = {{"blk.*.attn_v.weight", "q6_k"}, {"output.weight", "f16"}, {"*_exps.*", "mxfp4"}};
  REQUIRE(convert_model_file(model.path(), folder / "out.gguf", options, {}, {}));
  const auto written = *format::GgufFile::open(folder / "out.gguf");
  const auto type = [&](const char* name) { return written->find_tensor(name)->type->name; };
  CHECK(type("blk.0.attn_v.weight") == "Q6_K");
  CHECK(type("blk.0.attn_q.weight") == "Q4_K");
  CHECK(type("output.weight") == "F16");
  CHECK(type("blk.0.ffn_down_exps.weight") == "MXFP4");
}

TEST_CASE("rows that are no whole blocks take a smaller block") {
  RandomModel m = shape();
  m.d_model = 96;  // a multiple of 32, not of 256
  m.width = 40;    // of neither
  const TemporaryModel model(m);
  const Folder folder;
  ConvertOptions options;
  options.type = "q4_k";
  REQUIRE(convert_model_file(model.path(), folder / "out.gguf", options, {}, {}));
  const auto written = *format::GgufFile::open(folder / "out.gguf");
  CHECK(written->find_tensor("blk.0.attn_q.weight")->type->name == "Q8_0");
  CHECK(written->find_tensor("blk.0.ffn_down_exps.weight")->type->name == "F16");
  CHECK(written->find_tensor("blk.0.attn_output.weight")->type->name == "Q4_K");
}

TEST_CASE("what would lose something silently is refused") {
  const TemporaryModel model(shape());
  ConvertOptions options;
  options.type = "q4_9";
  check_refused(model.path(), options, "type \"q4_9\" is not known");
  options.type = "iq2_xxs";
  check_refused(model.path(), options, "not one that this engine writes");
  options.type = "q4_k";
  options.keep = {{"nothing.*", "q8_0"}};
  check_refused(model.path(), options, "no tensor is called \"nothing.*\"");
  options.keep = {{"blk.0.attn_q_norm.weight", "q4_k"}};
  check_refused(model.path(), options, "no multiple of the 256 of Q4_K");

  ConvertOptions as_it_is;
  GgufWriter no_tokenizer;
  no_tokenizer.key_string("general.architecture", "mystery");
  no_tokenizer.tensor("a.weight", {32, 2}, 0, std::string(256, 'a'));
  check_refused(TemporaryModel(no_tokenizer.bytes()).path(), as_it_is, "there is no tokenizer");

  GgufWriter large = random_model(shape());
  const float beyond[32] = {70000};
  large.tensor("extra.weight", {32, 1}, 0, {reinterpret_cast<const char*>(beyond), 128});
  ConvertOptions half;
  half.keep = {{"extra.weight", "f16"}};
  check_refused(TemporaryModel(large.bytes()).path(), half,
                "tensor extra.weight holds 1 values beyond the range of F16");
  GgufWriter broken = random_model(shape());
  const float nan[32] = {NAN, INFINITY};
  broken.tensor("extra.weight", {32, 1}, 0, {reinterpret_cast<const char*>(nan), 128});
  check_refused(TemporaryModel(broken.bytes()).path(), half, "holds 2 values that are not finite");
  GgufWriter foreign = random_model(shape());
  foreign.tensor("extra.weight", {256, 1}, 16, std::string(66, 'a'));
  check_refused(TemporaryModel(foreign.bytes()).path(), half, "which this engine cannot decode");
}

TEST_CASE(
    "a conversion that is stopped leaves nothing, one that is done replaces nothing unasked") {
  const TemporaryModel model(shape());
  const Folder folder;
  CancelSource source;
  const auto stop_half_way = [&](uint64_t done, uint64_t total) {
    if (done > total / 2) source.cancel();
  };
  const auto stopped =
      convert_model_file(model.path(), folder / "out.gguf", {}, stop_half_way, source.token());
  REQUIRE(!stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  CHECK(folder.names().empty());
  REQUIRE(convert_model_file(model.path(), folder / "out.gguf", {}, {}, {}));
  const auto again = convert_model_file(model.path(), folder / "out.gguf", {}, {}, {});
  REQUIRE(!again);
  CHECK(again.error().message.find("exists") != std::string::npos);
  ConvertOptions overwrite;
  overwrite.overwrite = true;
  REQUIRE(convert_model_file(model.path(), folder / "out.gguf", overwrite, {}, {}));
  const auto nowhere = convert_model_file(model.path(), folder / "no/such/out.gguf", {}, {}, {});
  REQUIRE(!nowhere);
}

TEST_CASE("a writer takes exactly what was announced") {
  const Folder folder;
  const quant::TypeInfo* f32 = quant::find_type("f32");
  const std::vector<std::byte> bytes(64);
  auto writer =
      format::GgufWriter::create(folder / "a.gguf", {}, {{"a", f32, {4}}, {"b", f32, {8}}});
  REQUIRE(writer);
  REQUIRE((*writer)->append(std::span(bytes).first(16)));
  CHECK(!(*writer)->append(std::span(bytes).first(36)));
  CHECK(!(*writer)->finish());  // b is not complete
  writer->reset();
  CHECK(folder.names().empty());
}

TEST_CASE("verify counts values that are not finite, and its digest tells contents apart") {
  const auto digest = [](const GgufWriter& w) {
    const auto check = verify_model_file(TemporaryModel(w.bytes()).path(), {}, {});
    REQUIRE(check);
    return check->digest;
  };
  GgufWriter w = random_model(shape());
  const std::string good = digest(w);
  CHECK(good.size() == 32);
  CHECK(digest(w) == good);
  w.alignment = 64;  // laid out otherwise, the same model
  w.key_u32("general.alignment", 64);
  CHECK(digest(w) == good);
  w.key_u32("more", 1);
  CHECK(digest(w) != good);
  RandomModel other = shape();
  other.seed = 2;
  CHECK(digest(random_model(other)) != good);

  GgufWriter broken = random_model(shape());
  std::string block(34 * 2, '\1');  // two Q8_0 blocks, the second with a scale that is NaN
  block[34] = '\0';
  block[35] = '\x7e';
  broken.tensor("extra.weight", {64}, 8, block);
  const auto check = verify_model_file(TemporaryModel(broken.bytes()).path(), {}, {});
  REQUIRE(check);
  REQUIRE(check->not_finite.size() == 1);
  CHECK(check->not_finite[0] == std::pair<std::string, uint64_t>("extra.weight", 32));
  CHECK(check->network_problem.find("tensor extra.weight is not part") != std::string::npos);
  CancelSource source;
  source.cancel();
  CHECK(!verify_model_file(TemporaryModel(broken.bytes()).path(), {}, source.token()));
}

TEST_CASE("a model file is explained, whether it runs or not") {
  const TemporaryModel model(shape());
  const auto info = explain_model_file(model.path());
  REQUIRE(info);
  INFO(info->why_not);
  CHECK(info->runs);
  CHECK(info->architecture == "qwen3moe");
  CHECK(info->n_parameters == (*Model::load(model.path()))->info().n_parameters);
  CHECK(info->n_active_parameters < info->n_parameters);
  CHECK(info->types.size() == 1);
  CHECK(info->bits_per_weight == 32);
  CHECK(info->context_length == 2048);
  // Two key-value heads of 64, keys and values, in one layer, F16.
  CHECK(info->state_bytes_per_token == Approx(2 * 64 * 2 * 2).epsilon(0.05));
  CHECK(info->tokenizer == "gpt2, qwen2: 281 tokens");
  CHECK(!info->has_chat_template);

  GgufWriter mystery = random_model(shape());
  mystery.key_string("tokenizer.chat_template", "{{ messages }}");
  mystery.tensor("extra.weight", {32}, 0, std::string(128, 'a'));
  const auto other = explain_model_file(TemporaryModel(mystery.bytes()).path());
  REQUIRE(other);
  CHECK(!other->runs);
  CHECK(other->why_not == "tensor extra.weight is not part of this architecture");
  CHECK(other->has_chat_template);
  CHECK(other->chat_template_hash.size() == 32);
  GgufWriter unknown;
  unknown.key_string("general.architecture", "mystery");
  const auto third = explain_model_file(TemporaryModel(unknown.bytes()).path());
  REQUIRE(third);
  CHECK(third->why_not.find("\"mystery\" is not one this engine runs") != std::string::npos);
}

}  // namespace engramd::engine::test
