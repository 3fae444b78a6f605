#include "agent/tools/some_tests.h"

#include <algorithm>
#include <set>

namespace engramd::agent {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string regex_quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(".*+?()[]{}|^$\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string path_part(const std::string& id) {
  return id.substr(0, id.find("::"));
}
std::string name_part(const std::string& id) {
  const size_t colons = id.rfind("::");
  return colons == std::string::npos ? id : id.substr(colons + 2);
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : "./" + path.substr(0, slash);
}

// "tests/test_a.py::Case::test" -> "tests.test_a.Case.test"
std::string dotted(const std::string& id) {
  std::string out;
  for (size_t i = 0; i < id.size(); ++i) {
    if (id.compare(i, 3, ".py") == 0 && (i + 3 == id.size() || id[i + 3] == ':')) {
      i += 2;
    } else if (id[i] == '/') {
      out += '.';
    } else if (id.compare(i, 2, "::") == 0) {
      out += '.';
      ++i;
    } else {
      out += id[i];
    }
  }
  return out;
}

}  // namespace

std::optional<TestCommand> command_for_some(const TestCommand& command,
                                            const std::vector<std::string>& ids) {
  if (ids.empty()) return std::nullopt;
  std::string text = command.text;
  std::set<std::string> words;  // in order, once each
  std::string names;
  switch (command.framework) {
    case Framework::pytest: {
      if (command.pytest) {
        // Paths that the command names would bring their tests along.
        const TestCommand::Pytest& pytest = *command.pytest;
        text.clear();
        for (const auto& [name, value] : pytest.env) text += name + "=" + quoted(value) + " ";
        text += pytest.program + (pytest.as_module ? " -m pytest" : "");
        for (size_t i = 0; i < pytest.arguments.size(); ++i) {
          const std::string& word = pytest.arguments[i];
          const bool is_value = i > 0 && pytest.arguments[i - 1].size() == 2 &&
                                pytest.arguments[i - 1][0] == '-' && word[0] != '-' &&
                                std::string_view("cknpmorW").find(pytest.arguments[i - 1][1]) !=
                                    std::string_view::npos;
          if (word.starts_with("-") || is_value) text += " " + quoted(word);
        }
      }
      for (const std::string& id : ids) text += " " + quoted(id);
      break;
    }
    case Framework::unittest: {
      const size_t call = text.find("-m unittest");
      if (call == std::string::npos) return std::nullopt;
      std::string flags;
      for (const char* flag : {" -v", " -b", " -f", " -q"})
        if ((text + " ").find(flag + std::string(" "), call) != std::string::npos) flags += flag;
      text.erase(call + 11);
      text += flags;
      for (const std::string& id : ids) text += " " + quoted(dotted(id));
      break;
    }
    case Framework::node: {
      const size_t call = text.find("node --test");
      if (call == std::string::npos) return std::nullopt;
      text.erase(call + 11);
      for (const std::string& id : ids) words.insert(path_part(id));
      for (const std::string& word : words) text += " " + quoted(word);
      break;
    }
    case Framework::go: {
      const size_t call = text.find("go test");
      if (call == std::string::npos) return std::nullopt;
      for (const std::string& id : ids) {
        if (path_part(id).ends_with(".go")) words.insert(folder_of(path_part(id)));
        const std::string name = name_part(id);
        if (name.starts_with("Test")) names += (names.empty() ? "" : "|") + regex_quoted(name);
      }
      text = "go test";
      if (!names.empty()) text += " -run " + quoted("^(" + names + ")$");
      if (words.empty()) text += " ./...";
      for (const std::string& word : words) text += " " + quoted(word);
      break;
    }
    case Framework::ctest: {
      const size_t call = text.find("ctest");
      if (call == std::string::npos) return std::nullopt;
      for (const std::string& id : ids) names += (names.empty() ? "" : "|") + regex_quoted(id);
      text.insert(call + 5, " -R " + quoted("^(" + names + ")"));
      break;
    }
    case Framework::cargo: {
      if (text.find("cargo test") == std::string::npos || ids.size() != 1) return std::nullopt;
      text += text.find(" -- ") == std::string::npos ? " -- " + quoted(ids[0]) : "";
      break;
    }
    case Framework::gtest:
    case Framework::tap:
    case Framework::unknown:
      return std::nullopt;
  }
  return read_test_command(text);
}

}  // namespace engramd::agent
