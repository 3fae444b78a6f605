#include "daemon/server/handshake.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/environment.h"
#include "base/hash.h"
#include "lsp/json_rpc.h"
#include "lsp/json_writer.h"

namespace engramd::daemon {
namespace {

using Json = nlohmann::json;

Result<Json> object_of(std::string_view text, const char* what) {
  if (lsp::outline_message(text).depth > 8)
    return fail(ErrorCode::corrupt, std::string(what) + " is nested too deep");
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::corrupt, std::string(what) + " is no json object");
  return json;
}

std::string string_in(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

int64_t integer_in(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}

BuildIdentity identity_in(const Json& json) {
  return {string_in(json, "version"), string_in(json, "build"), integer_in(json, "build_time")};
}

void put(lsp::JsonWriter& json, const BuildIdentity& identity) {
  json.field("version", identity.version).field("build", identity.build);
  json.field("build_time", identity.build_time);
}

std::array<int, 3> version_numbers(const std::string& version) {
  std::array<int, 3> numbers{};
  std::sscanf(version.c_str(), "%d.%d.%d", &numbers[0], &numbers[1], &numbers[2]);
  return numbers;
}

}  // namespace

BuildIdentity this_build() {
  BuildIdentity identity;
  identity.version = ENGRAMD_VERSION;
  struct stat info {};
  if (::stat(executable_path().c_str(), &info) == 0) {
    identity.build_time = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    const std::string text =
        std::to_string(info.st_size) + ":" + std::to_string(identity.build_time);
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash64(text)));
    identity.build = hex;
  }
  return identity;
}

bool newer_than(const BuildIdentity& mine, const BuildIdentity& running) {
  const auto a = version_numbers(mine.version), b = version_numbers(running.version);
  if (a != b) return a > b;
  return mine.build != running.build && mine.build_time > running.build_time;
}

std::string hello_text(const Hello& hello) {
  lsp::JsonWriter json;
  json.begin_object().key("engramd").begin_object().field("protocol", hello.protocol);
  put(json, hello.identity);
  json.field("kind", hello.kind).field("cwd", hello.cwd).key("env").begin_object();
  for (const auto& [name, value] : hello.environment) json.field(name, value);
  return json.end_object().end_object().end_object().take();
}

Result<Hello> read_hello(std::string_view text) {
  ENGRAMD_TRY(const Json json, object_of(text, "the greeting"));
  const auto at = json.find("engramd");
  if (at == json.end() || !at->is_object())
    return fail(ErrorCode::corrupt, "the greeting has no member engramd");
  Hello hello;
  hello.protocol = static_cast<int>(integer_in(*at, "protocol"));
  hello.identity = identity_in(*at);
  hello.kind = string_in(*at, "kind");
  hello.cwd = string_in(*at, "cwd");
  if (const auto env = at->find("env"); env != at->end() && env->is_object())
    for (const auto& [name, value] : env->items())
      if (value.is_string()) hello.environment[name] = value.get<std::string>();
  return hello;
}

std::string welcome_text(const Welcome& welcome) {
  lsp::JsonWriter json;
  json.begin_object().field("ok", welcome.ok);
  put(json, welcome.identity);
  json.field("pid", welcome.pid);
  json.field("protocol_oldest", welcome.protocol_oldest);
  json.field("protocol_newest", welcome.protocol_newest);
  if (!welcome.error.empty()) json.field("error", welcome.error);
  return json.end_object().take();
}

Result<Welcome> read_welcome(std::string_view text) {
  ENGRAMD_TRY(const Json json, object_of(text, "the daemon's greeting"));
  Welcome welcome;
  welcome.ok = json.value("ok", Json()) == Json(true);
  welcome.error = string_in(json, "error");
  welcome.identity = identity_in(json);
  welcome.pid = integer_in(json, "pid");
  welcome.protocol_oldest = static_cast<int>(integer_in(json, "protocol_oldest"));
  welcome.protocol_newest = static_cast<int>(integer_in(json, "protocol_newest"));
  return welcome;
}

std::string control_text(std::string_view method) {
  lsp::JsonWriter json;
  return json.begin_object().field("method", method).end_object().take();
}

Result<std::string> read_control(std::string_view text) {
  ENGRAMD_TRY(const Json json, object_of(text, "the control request"));
  return string_in(json, "method");
}

std::map<std::string, std::string> selected_environment() {
  // What finds toolchains and sets their language; nothing that carries a secret.
  constexpr const char* kNames[] = {
      "PATH",         "HOME",        "USER",      "LOGNAME", "LANG",   "LC_ALL",
      "LC_CTYPE",     "TMPDIR",      "TZ",        "SHELL",   "EDITOR", "VIRTUAL_ENV",
      "CONDA_PREFIX", "PYTHONPATH",  "NODE_PATH", "NVM_DIR", "GOPATH", "GOROOT",
      "CARGO_HOME",   "RUSTUP_HOME", "JAVA_HOME", "CC",      "CXX",
  };
  std::map<std::string, std::string> out;
  for (const char* name : kNames)
    if (const auto value = environment(name)) out[name] = *value;
  return out;
}

}  // namespace engramd::daemon
