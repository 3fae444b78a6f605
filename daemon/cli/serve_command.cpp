// engramd serve: the resident model over HTTP, in the shape of OpenAI's API.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "base/environment.h"
#include "base/log.h"
#include "daemon/cli/command.h"
#include "daemon/http/service.h"

namespace engramd::daemon::cli {
namespace {

constexpr std::chrono::milliseconds kPoll(50);
constexpr std::chrono::seconds kGrace(3);  // for running requests, on the way out

struct ServeOptions : CommonOptions {
  std::string host = "127.0.0.1", key, name, dialect;
  uint16_t port = 8080;
  bool no_key = false;
  size_t n_slots = 2, n_queue = 16, context = 0, max_body_mb = 32;
};

Result<std::shared_ptr<const http::ServedModel>> load(const std::filesystem::path& file,
                                                      const ServeOptions& options,
                                                      const Settings& settings) {
  engine::LoadOptions load;
  load.n_threads = static_cast<size_t>(settings.number("engine.threads"));
  load.drafts = settings.number("engine.speculation") != 0;
  ENGRAMD_TRY(const auto model, engine::Model::load(file, load));
  const engine::chat::Dialect* dialect = nullptr;
  if (!options.dialect.empty()) {
    dialect = engine::chat::find_dialect(options.dialect);
    if (dialect == nullptr) {
      std::string names;
      for (const std::string_view name : engine::chat::dialect_names())
        names += (names.empty() ? "" : ", ") + std::string(name);
      return fail(ErrorCode::invalid_input,
                  "there is no chat dialect \"" + options.dialect + "\", expected one of " + names);
    }
  } else {
    const auto recognised = engine::chat::recognise_dialect(model->tokenizer());
    dialect = recognised.dialect;
    std::fprintf(stderr, "chat dialect %s: %s\n", std::string(dialect->name()).c_str(),
                 recognised.how.c_str());
  }
  auto served = http::make_served_model(
      model, options.name.empty() ? file.stem().string() : options.name, dialect);
  serve::RoomOptions room;
  room.n_slots = options.n_slots;
  room.n_waiting = options.n_queue;
  room.context = options.context;
  room.speculation = settings.number("engine.speculation") != 0;
  served->room = std::make_unique<serve::ModelRoom>(served->model, room);
  return served;
}

Result<int> run_serve(const ServeOptions& options) {
  const CancelToken interrupted = interrupt_token();
  ENGRAMD_TRY(const Settings settings, settings_for(options));
  ENGRAMD_TRY(const ModelReference reference, model_for(settings, "agent"));
  if (reference.is_endpoint())
    return fail(ErrorCode::invalid_input,
                "serve runs the resident engine, expected a .gguf file and found an endpoint");
  http::ServiceOptions service_options;
  service_options.server.host = options.host;
  service_options.server.port = options.port;
  service_options.server.max_body_bytes = options.max_body_mb << 20;
  service_options.no_key = options.no_key;
  service_options.key = options.key;
  if (options.key.empty() && !options.no_key) {
    service_options.key = environment("ENGRAMD_API_KEY").value_or("");
    if (service_options.key.empty()) {
      if (!http::is_loopback(options.host))
        return fail(ErrorCode::invalid_input,
                    "others can reach " + options.host + ": give --api-key, or ENGRAMD_API_KEY");
      ENGRAMD_TRY(service_options.key, http::random_key());
      std::printf("API key: %s\n", service_options.key.c_str());
    }
  }
  ENGRAMD_TRY(const auto service, http::Service::start(service_options));
  const bool v6 = options.host.find(':') != std::string::npos;
  std::printf("listening on http://%s%s%s:%u/v1\n", v6 ? "[" : "", options.host.c_str(),
              v6 ? "]" : "", unsigned{service->port()});
  std::fflush(stdout);

  auto loaded = load(reference.file, options, settings);
  if (!loaded) return fail(std::move(loaded).error());
  std::printf("model %s ready, %zu tokens of context, loaded in %.2f s\n", (*loaded)->id.c_str(),
              (*loaded)->room->context(), (*loaded)->model->info().load_s);
  std::fflush(stdout);
  service->set_model(*std::move(loaded));
  while (!interrupted.cancelled()) std::this_thread::sleep_for(kPoll);
  service->stop(kGrace);
  return 0;
}

}  // namespace

Action define_serve(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  add_model_option(app, *options);
  app.add_option("--host", options->host, "the address to listen on")->capture_default_str();
  app.add_option("--port", options->port, "0: any free one")->capture_default_str();
  auto* key = app.add_option("--api-key", options->key,
                             "what clients must send; default: ENGRAMD_API_KEY, else a random one");
  app.add_flag("--no-auth", options->no_key, "serve this machine without a key")->excludes(key);
  app.add_option("--slots", options->n_slots, "conversations kept and answered side by side")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--queue", options->n_queue, "requests that may wait for a slot")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  app.add_option("--context", options->context, "tokens of one conversation; 0: the model's")
      ->capture_default_str();
  app.add_option("--max-body", options->max_body_mb, "MiB of one request")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--name", options->name, "the model's id; default: the file's name");
  app.add_option("--dialect", options->dialect, "how a chat is written; default: by the file");
  return [options] { return run_serve(*options); };
}

}  // namespace engramd::daemon::cli
