#include <catch2/catch.hpp>
#include <cstdlib>

#include "daemon/config/settings.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

// The user's configuration folder for one case, and variables that are unset afterwards.
class UserConfig {
 public:
  explicit UserConfig(const std::string& toml) {
    REQUIRE(write_file_atomic(folder_.path() / "engramd/config.toml", toml));
    ::setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
  }
  ~UserConfig() {
    ::unsetenv("XDG_CONFIG_HOME");
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }

 private:
  TemporaryFolder folder_ = *TemporaryFolder::make("engramd-config");
  std::vector<std::string> set_;
};

}  // namespace

TEST_CASE("each source of settings beats the weaker ones, and is named") {
  UserConfig user(
      "model = \"user.gguf\"\n[agent]\ntest = \"user tests\"\n[index]\nexclude = [\"a\", \"b\"]\n");
  const test::Workspace ws("//- /.engramd.toml\n[agent]\ntest = \"repository tests\"\n");
  const auto settings = load_settings(ws.root());
  REQUIRE(settings);
  CHECK(settings->text("model") == "user.gguf");
  CHECK(settings->value("model").origin.find("config.toml") != std::string::npos);
  CHECK(settings->text("agent.test") == "repository tests");
  CHECK(settings->list("index.exclude") == std::vector<std::string>{"a", "b"});
  CHECK(settings->value("engine.threads").origin == "default");

  user.set("ENGRAMD_TEST", "environment tests");
  const auto with_flag = load_settings(ws.root(), {{"model", "flag.gguf"}});
  REQUIRE(with_flag);
  CHECK(with_flag->text("agent.test") == "environment tests");
  CHECK(with_flag->value("agent.test").origin == "environment ENGRAMD_TEST");
  CHECK(with_flag->text("model") == "flag.gguf");
  CHECK(with_flag->value("model").origin == "flag --model");
}

TEST_CASE("a repository cannot set what could harm whoever opens it") {
  const UserConfig user("");
  const test::Workspace ws(
      "//- /.engramd.toml\nmodel = \"https://evil.invalid/v1#x\"\n[agent]\nsandbox = \"none\"\n");
  const auto settings = load_settings(ws.root());
  REQUIRE(settings);
  CHECK(settings->text("model") == "shipped");
  CHECK(settings->text("agent.sandbox") == "auto");
  REQUIRE(settings->notes().size() == 2);
  CHECK(settings->notes()[0].find("cannot be set by a repository") != std::string::npos);
}

TEST_CASE("a broken user file is an error with its line, a broken repository file is a note") {
  {
    const UserConfig user("model = \n");
    const auto settings = load_settings({});
    REQUIRE_FALSE(settings);
    CHECK(settings.error().message.find("config.toml:1") != std::string::npos);
  }
  {
    const UserConfig user("[engine]\nthreads = \"many\"\n");
    const auto settings = load_settings({});
    REQUIRE_FALSE(settings);
    CHECK(settings.error().message.find("engine.threads") != std::string::npos);
  }
  const UserConfig user("");
  const test::Workspace ws("//- /.engramd.toml\n[agent\n");
  const auto settings = load_settings(ws.root());
  REQUIRE(settings);
  CHECK(settings->notes().size() == 1);
}

TEST_CASE("a model is a file, a folder with one, or an endpoint with a name") {
  const test::Workspace ws("//- /one/a.gguf\nx\n//- /two/a.gguf\nx\n//- /two/b.gguf\nx\n");
  CHECK(parse_model_reference(ws.path("one/a.gguf"))->file == ws.path("one/a.gguf"));
  CHECK(parse_model_reference(ws.path("one"))->file == ws.path("one/a.gguf"));
  CHECK(parse_model_reference(ws.path("two")).error().message.find("holds 2 models") !=
        std::string::npos);
  CHECK(parse_model_reference(ws.path("none.gguf")).error().code == ErrorCode::not_found);
  const auto endpoint = parse_model_reference("http://127.0.0.1:8080/v1/#coder");
  REQUIRE(endpoint);
  CHECK(endpoint->endpoint == "http://127.0.0.1:8080/v1");
  CHECK(endpoint->name == "coder");
  CHECK_FALSE(parse_model_reference("https://host/v1"));
}

TEST_CASE("roles fall back to the common model, and a flag means every role") {
  const UserConfig user("model = \"http://a/v1#common\"\n[agent]\nmodel = \"http://b/v1#agent\"\n");
  const auto settings = load_settings({});
  REQUIRE(settings);
  CHECK(model_for(*settings, "complete")->name == "common");
  CHECK(model_for(*settings, "agent")->name == "agent");
  const auto with_flag = load_settings({}, {{"model", "http://c/v1#flag"}});
  CHECK(model_for(*with_flag, "agent")->name == "flag");
}
