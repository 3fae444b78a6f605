// Model files as files: model list, model info, model verify, model convert.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/model_list.h"
#include "daemon/wiring/chat_model.h"
#include "engine/api/model.h"
#include "engine/api/model_file.h"
#include "engine/api/session.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string verb, file, out, type;
  std::vector<std::string> keep;
  bool json = false, tensors = false, overwrite = false, without_tokenizer = false;
};

void print_json(const json& value) {
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

// A line on a terminal's stderr, rewritten in place.
class ProgressLine {
 public:
  explicit ProgressLine(const char* what) : what_(what), enabled_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  void operator()(uint64_t done, uint64_t total) {
    const Clock::time_point now = Clock::now();
    if (!enabled_ || (shown_ && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\r%s %s of %s\033[K", what_, human_bytes(done).c_str(),
                 human_bytes(total).c_str());
  }

 private:
  const char* what_;
  const bool enabled_;
  bool shown_ = false;
  Clock::time_point last_{};
};

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text;
  for (const uint64_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return "[" + text + "]";
}

// "30.5 B" of parameters.
std::string human_count(uint64_t n) {
  if (n >= 1'000'000'000) return fixed(double(n) / 1e9, 2) + " billion";
  if (n >= 1'000'000) return fixed(double(n) / 1e6, 2) + " million";
  return std::to_string(n);
}

std::string first_of(const std::vector<std::string>& names) {
  std::string text = names.front();
  if (names.size() > 1) text += " and " + std::to_string(names.size() - 1) + " more";
  return text;
}

json info_json(const engine::ModelFileExplanation& info, bool with_tensors) {
  json types = json::array(), states = json::array(), metadata = json::object();
  for (const auto& t : info.types)
    types.push_back({{"type", t.type},
                     {"tensors", t.n_tensors},
                     {"elements", t.n_elements},
                     {"bytes", t.n_bytes}});
  for (const auto& [tokens, bytes] : info.state_bytes)
    states.push_back({{"tokens", tokens}, {"bytes", bytes}});
  for (const auto& [key, value] : info.metadata) metadata[key] = value;
  json out = {{"format", info.format},
              {"architecture", info.architecture},
              {"name", info.name},
              {"runs", info.runs},
              {"why_not", info.why_not},
              {"file_bytes", info.file_bytes},
              {"n_tensors", info.n_tensors},
              {"parameters", info.n_parameters},
              {"active_parameters", info.n_active_parameters},
              {"layers", info.n_layers},
              {"width", info.width},
              {"vocabulary", info.n_vocab},
              {"context_length", info.context_length},
              {"experts", info.n_experts},
              {"experts_used", info.n_experts_used},
              {"types", types},
              {"bits_per_weight", info.bits_per_weight},
              {"weight_bytes", info.weight_bytes},
              {"rewritten_bytes", info.rewritten_bytes},
              {"state_bytes_per_token", info.state_bytes_per_token},
              {"state_bytes", states},
              {"tokenizer", info.tokenizer},
              {"tokenizer_works", info.tokenizer_works},
              {"chat_template", info.has_chat_template},
              {"chat_template_hash", info.chat_template_hash},
              {"unknown_tensors", info.unknown_tensors},
              {"unused_tensors", info.unused_tensors},
              {"metadata", metadata}};
  if (with_tensors) {
    json tensors = json::array();
    for (const auto& t : info.tensors)
      tensors.push_back(
          {{"name", t.name}, {"type", t.type}, {"shape", t.shape}, {"bytes", t.n_bytes}});
    out["tensors"] = tensors;
  }
  return out;
}

// What of a file a person chooses by; the second word is for what `fix` and the editor do with it.
Result<int> run_list(const Options& options) {
  json list = json::array();
  for (const FoundModel& model : find_models()) {
    const auto info = engine::explain_model_file(model.file);
    ModelReference reference;
    reference.file = model.file;
    const AgentAbility ability = agent_ability(reference);
    const bool runs = info && info->runs;
    const std::string why = info ? info->why_not : info.error().message;
    list.push_back({{"name", model.name},
                    {"owner", model.owner},
                    {"file", model.file.string()},
                    {"bytes", info ? info->file_bytes : 0},
                    {"architecture", info ? info->architecture : ""},
                    {"runs", runs},
                    {"why_not", why},
                    {"context", info ? info->context_length : 0},
                    {"chats", ability.chats},
                    {"calls_tools", ability.calls_tools},
                    {"why", ability.why}});
    if (options.json) continue;
    std::printf("%-40s %-12s %9s  %s\n", model.name.c_str(), model.owner.c_str(),
                info ? human_bytes(info->file_bytes).c_str() : "?",
                !runs                 ? ("does not run: " + why).c_str()
                : ability.calls_tools ? "completes, chats, calls tools"
                : ability.chats       ? "completes, chats"
                                      : "completes");
    std::printf("  %s\n", model.file.c_str());
  }
  if (options.json) print_json(list);
  if (!options.json && list.size() < 2)
    std::puts("(nothing else in the folders of Ollama, LM Studio, llama.cpp and Hugging Face)");
  return 0;
}

Result<int> run_info(const Options& options) {
  ENGRAMD_TRY(const engine::ModelFileExplanation info, engine::explain_model_file(options.file));
  if (options.json) {
    print_json(info_json(info, true));
    return 0;
  }
  const auto line = [](const char* name, const std::string& text) {
    std::printf("%-12s %s\n", name, text.c_str());
  };
  line("file", info.format + ", " + human_bytes(info.file_bytes) + ", " +
                   std::to_string(info.n_tensors) + " tensors");
  line("family", info.architecture.empty()
                     ? "not said"
                     : info.architecture + (info.name.empty() ? "" : " (" + info.name + ")"));
  line("runs here", info.runs ? "yes" : "no: " + info.why_not);
  std::string size = human_count(info.n_parameters) + " parameters";
  if (info.n_experts > 0)
    size += ", " + human_count(info.n_active_parameters) + " for a token (" +
            std::to_string(info.n_experts_used) + " of " + std::to_string(info.n_experts) +
            " experts)";
  line("size", size + "; " + std::to_string(info.n_layers) + " layers of width " +
                   std::to_string(info.width) + ", context " + std::to_string(info.context_length));
  std::string types;
  for (const auto& t : info.types)
    types += (types.empty() ? "" : ", ") + t.type + " " + human_bytes(t.n_bytes) + " (" +
             std::to_string(t.n_tensors) + ")";
  line("types", types + "; " + fixed(info.bits_per_weight, 2) + " bits a weight");
  std::string memory = "weights " + human_bytes(info.weight_bytes);
  if (info.rewritten_bytes > 0)
    memory += " (" + human_bytes(info.rewritten_bytes) + " rewritten at load)";
  for (const auto& [tokens, bytes] : info.state_bytes)
    memory += ", " + human_bytes(bytes) + " for " + std::to_string(tokens) + " tokens";
  if (info.state_bytes_per_token > 0)
    memory += ", then " + fixed(info.state_bytes_per_token, 0) + " B a token";
  line("memory", memory);
  line("tokenizer", (info.tokenizer_works ? "" : "cannot be used: ") + info.tokenizer);
  line("chat",
       info.has_chat_template ? "a template, hash " + info.chat_template_hash : "no template");
  if (!info.unknown_tensors.empty()) line("unknown", first_of(info.unknown_tensors));
  if (!info.unused_tensors.empty()) line("not used", first_of(info.unused_tensors));
  for (const auto& [key, value] : info.metadata)
    std::printf("  %s = %s\n", key.c_str(), value.c_str());
  if (options.tensors)
    for (const auto& t : info.tensors)
      std::printf("  %-40s %-6s %s\n", t.name.c_str(), t.type.c_str(), shape_text(t.shape).c_str());
  return 0;
}

// One token computed: everything a damaged file can still fail at. Says why when it cannot be.
Status compute_one_token(const std::string& file) {
  ENGRAMD_TRY(const auto model, engine::Model::load(file));
  ENGRAMD_TRY(const auto session, model->open_session(16));
  const engine::TokenId first[] = {0};
  ENGRAMD_CHECK(session->sync(first, interrupt_token()));
  for (const float logit : session->logits())
    if (!(logit - logit == 0))
      return fail(ErrorCode::corrupt, file + " computes logits that are not finite");
  return {};
}

Result<int> run_verify(const Options& options) {
  ProgressLine progress("verifying");
  ENGRAMD_TRY(const engine::ModelFileCheck check,
              engine::verify_model_file(options.file, std::ref(progress), interrupt_token()));
  std::vector<std::string> problems;
  for (const auto& [name, n] : check.not_finite)
    problems.push_back("tensor " + name + " holds " + std::to_string(n) +
                       " values that are not finite");
  if (!check.network_problem.empty()) problems.push_back(check.network_problem);
  if (!check.tokenizer_problem.empty())
    problems.push_back("the tokenizer: " + check.tokenizer_problem);
  if (problems.empty())
    if (const Status computed = compute_one_token(options.file); !computed)
      problems.push_back(computed.error().message);
  if (options.json) {
    json not_finite = json::object();
    for (const auto& [name, n] : check.not_finite) not_finite[name] = n;
    print_json({{"ok", problems.empty()},
                {"problems", problems},
                {"digest", check.digest},
                {"tensors", check.n_tensors},
                {"bytes", check.n_bytes},
                {"not_finite", not_finite},
                {"undecoded_types", check.undecoded_types}});
  } else {
    std::printf("%s: %llu tensors, %s read, digest %s\n", options.file.c_str(),
                static_cast<unsigned long long>(check.n_tensors),
                human_bytes(check.n_bytes).c_str(), check.digest.c_str());
    for (const std::string& type : check.undecoded_types)
      std::printf("values of type %s were not looked at: this engine cannot decode them\n",
                  type.c_str());
    for (const std::string& problem : problems) std::printf("problem: %s\n", problem.c_str());
    if (problems.empty()) std::puts("all values finite, one token computed, all logits finite");
  }
  return problems.empty() ? 0 : 1;
}

Result<int> run_convert(const Options& options) {
  if (options.out.empty())
    return fail(ErrorCode::invalid_input, "no file to write: model convert IN OUT.gguf");
  engine::ConvertOptions convert;
  convert.type = options.type;
  convert.overwrite = options.overwrite;
  convert.without_tokenizer = options.without_tokenizer;
  for (const std::string& rule : options.keep) {
    const size_t equals = rule.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == rule.size())
      return fail(ErrorCode::invalid_input,
                  "--keep \"" + rule + "\" is not of the form PATTERN=TYPE");
    convert.keep.emplace_back(rule.substr(0, equals), rule.substr(equals + 1));
  }
  engine::ConvertReport report;
  {
    ProgressLine progress("converting");
    ENGRAMD_TRY(report, engine::convert_model_file(options.file, options.out, convert,
                                                   std::ref(progress), interrupt_token()));
  }
  // By what became of the tensors: count, bytes, errors weighted by elements and the worst.
  struct Kind {
    uint64_t n_tensors = 0, n_elements = 0, n_bytes = 0;
    double weighted = 0, worst = 0;
    std::string worst_tensor;
  };
  std::map<std::string, Kind> kinds;
  for (const auto& t : report.tensors) {
    Kind& kind = kinds[t.from == t.to ? t.to : t.from + " -> " + t.to];
    ++kind.n_tensors;
    kind.n_elements += t.n_elements;
    kind.n_bytes += t.n_bytes;
    kind.weighted += t.relative_rms_error * double(t.n_elements);
    if (t.relative_rms_error >= kind.worst) {
      kind.worst = t.relative_rms_error;
      kind.worst_tensor = t.name;
    }
  }
  if (options.json) {
    json tensors = json::array(), summary = json::array();
    for (const auto& t : report.tensors)
      tensors.push_back({{"name", t.name},
                         {"from", t.from},
                         {"to", t.to},
                         {"elements", t.n_elements},
                         {"bytes", t.n_bytes},
                         {"relative_rms_error", t.relative_rms_error},
                         {"max_error", t.max_error}});
    for (const auto& [name, kind] : kinds)
      summary.push_back({{"kind", name},
                         {"tensors", kind.n_tensors},
                         {"bytes", kind.n_bytes},
                         {"mean_relative_rms_error", kind.weighted / double(kind.n_elements)},
                         {"worst_relative_rms_error", kind.worst},
                         {"worst_tensor", kind.worst_tensor}});
    print_json({{"bytes_before", report.bytes_before},
                {"bytes_after", report.bytes_after},
                {"summary", summary},
                {"tensors", tensors}});
    return 0;
  }
  if (options.tensors)
    for (const auto& t : report.tensors)
      std::printf("%-40s %-6s -> %-6s rms error %.3e of the values, at most %.3e\n", t.name.c_str(),
                  t.from.c_str(), t.to.c_str(), t.relative_rms_error, t.max_error);
  for (const auto& [name, kind] : kinds) {
    std::printf("%-16s %4llu tensor%s, %s", name.c_str(),
                static_cast<unsigned long long>(kind.n_tensors), kind.n_tensors == 1 ? "" : "s",
                human_bytes(kind.n_bytes).c_str());
    if (kind.worst > 0)
      std::printf(", rms error %.3e of the values, worst %.3e (%s)",
                  kind.weighted / double(kind.n_elements), kind.worst, kind.worst_tensor.c_str());
    else
      std::printf(", exact");
    std::printf("\n");
  }
  std::printf("%s: %s, before %s\n", options.out.c_str(), human_bytes(report.bytes_after).c_str(),
              human_bytes(report.bytes_before).c_str());
  return 0;
}

}  // namespace

Action define_model(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("verb", options->verb, "list, info, verify or convert")
      ->required()
      ->check(CLI::IsMember({"list", "info", "verify", "convert"}));
  app.add_option("file", options->file, "a .gguf file or a checkpoint's folder; not for list");
  app.add_option("out", options->out, "convert: the .gguf file to write");
  app.add_option("--type", options->type,
                 "convert: the type of the large matrices (q4_k, q8_0 ...)");
  app.add_option("--keep", options->keep,
                 "convert: PATTERN=TYPE, the type of tensors by name; * stands for anything");
  app.add_flag("--overwrite", options->overwrite, "convert: replace the file that is there");
  app.add_flag("--without-tokenizer", options->without_tokenizer,
               "convert: write a model that has no tokenizer");
  app.add_flag("--tensors", options->tensors, "list the tensors too");
  app.add_flag("--json", options->json, "print JSON");
  return [options]() -> Result<int> {
    if (options->verb == "list") return run_list(*options);
    if (options->file.empty())
      return fail(ErrorCode::invalid_input, "model " + options->verb + " needs a file: model " +
                                                options->verb + " FILE.gguf");
    if (options->verb == "info") return run_info(*options);
    if (options->verb == "verify") return run_verify(*options);
    return run_convert(*options);
  };
}

}  // namespace engramd::daemon::cli
