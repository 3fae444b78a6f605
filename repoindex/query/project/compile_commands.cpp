#include "repoindex/query/project/compile_commands.h"

#include <algorithm>

#include "repoindex/query/project/json_text.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxEntries = 200000;
constexpr size_t kMaxWords = 5000;   // of one command
constexpr size_t kMaxFolders = 200;  // of one command
constexpr size_t kMaxLists = 20000;  // different ones

// Without dots, so that where it starts can be compared.
std::string absolute(std::string_view directory, std::string_view path) {
  std::string whole = path.substr(0, 1) == "/" ? std::string(path) : joined_path(directory, path);
  auto normal = normal_path(whole);
  return normal ? "/" + *normal : whole;
}

// From the machine the database was written on to paths below our root.
class Origin {
 public:
  Origin(const std::filesystem::path& root, const std::function<bool(std::string_view)>& is_file)
      : is_file_(is_file) {
    roots_.push_back(root.lexically_normal().generic_string());
    std::error_code ignored;
    std::string real = std::filesystem::canonical(root, ignored).generic_string();
    if (!real.empty() && real != roots_[0]) roots_.push_back(std::move(real));
  }

  // Nothing: outside the repository.
  std::optional<std::string> relative(const std::string& path) const {
    for (const std::string& root : roots_) {
      if (path == root) return std::string();
      if (is_below(path, root)) return path.substr(root.size() + 1);
    }
    return std::nullopt;
  }

  // A source that is not below a known root but ends like one of our files teaches another root.
  void learn(const std::string& source) {
    if (relative(source) || roots_.size() > 8) return;
    for (size_t slash = source.find('/', 1); slash != std::string::npos;
         slash = source.find('/', slash + 1)) {
      if (std::count(source.begin() + static_cast<std::ptrdiff_t>(slash), source.end(), '/') < 2) {
        return;  // a bare file name says too little
      }
      if (is_file_(std::string_view(source).substr(slash + 1))) {
        roots_.push_back(source.substr(0, slash));
        return;
      }
    }
  }

 private:
  std::vector<std::string> roots_;
  const std::function<bool(std::string_view)>& is_file_;
};

IncludeFolders folders_of(const std::vector<std::string>& words, std::string_view directory,
                          const Origin& origin) {
  struct Option {
    std::string_view text;
    int list;  // 0 quoted, 1 -I, 2 -isystem, 3 -idirafter
  };
  static constexpr Option kOptions[] = {
      {"-iquote", 0}, {"-isystem", 2}, {"-idirafter", 3}, {"-I", 1}, {"/I", 1}};
  std::vector<std::string> lists[4];
  for (size_t i = 0; i < words.size(); ++i) {
    for (const Option& option : kOptions) {
      if (words[i].compare(0, option.text.size(), option.text) != 0) continue;
      std::string_view value = std::string_view(words[i]).substr(option.text.size());
      if (value.empty() && i + 1 < words.size()) value = words[++i];
      std::optional<std::string> folder = origin.relative(absolute(directory, value));
      if (folder && lists[option.list].size() < kMaxFolders) {
        lists[option.list].push_back(std::move(*folder));
      }
      break;
    }
  }
  IncludeFolders out{std::move(lists[0]), std::move(lists[1])};
  for (int list : {2, 3}) out.all.insert(out.all.end(), lists[list].begin(), lists[list].end());
  return out;
}

std::string without_extension(std::string_view path) {
  size_t dot = path.rfind('.');
  size_t slash = path.rfind('/');
  bool has = dot != std::string_view::npos && (slash == std::string_view::npos || dot > slash);
  return std::string(has ? path.substr(0, dot) : path);
}

}  // namespace

std::vector<std::string> command_words(std::string_view command) {
  std::vector<std::string> out;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < command.size() && out.size() < kMaxWords; ++i) {
    char c = command[i];
    if (quote == 0 && isspace(static_cast<unsigned char>(c))) {
      if (in_word) out.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word += command[++i];
    } else {
      word += c;
    }
  }
  if (in_word) out.push_back(std::move(word));
  return out;
}

const std::vector<std::string>& CompileCommands::usual_places() {
  static const std::vector<std::string> kPlaces = [] {
    std::vector<std::string> out;
    for (const char* folder : {"", "build/", "out/", "builddir/", "_build/", "cmake-build-debug/",
                               "cmake-build-release/", "build/debug/", "build/release/",
                               "build/Debug/", "build/Release/", "out/Default/", ".build/"}) {
      out.push_back(std::string(folder) + "compile_commands.json");
    }
    return out;
  }();
  return kPlaces;
}

CompileCommands CompileCommands::read(std::string_view text, const std::filesystem::path& root,
                                      const std::function<bool(std::string_view)>& is_file) {
  CompileCommands out;
  Origin origin(root, is_file);
  std::unordered_map<std::string, size_t> known;  // list as text -> index
  std::vector<size_t> n_uses;
  size_t n_entries = 0;
  read_json_array(text, [&](JsonValue&& entry) {
    std::string_view directory = entry.string_at("directory");
    std::string file = absolute(directory, entry.string_at("file"));
    origin.learn(file);
    std::vector<std::string> words;
    if (const JsonValue& arguments = entry.at("arguments"); !arguments.items.empty()) {
      for (const JsonValue& word : arguments.items) words.push_back(word.text);
    } else {
      words = command_words(entry.string_at("command"));
    }
    std::optional<std::string> path = origin.relative(file);
    if (path) {
      IncludeFolders folders = folders_of(words, directory, origin);
      std::string key;
      for (const std::string& f : folders.quoted) key += f + "\n";
      key += "\t";
      for (const std::string& f : folders.all) key += f + "\n";
      auto [it, added] = known.try_emplace(key, out.lists_.size());
      if (added && out.lists_.size() < kMaxLists) {
        out.lists_.push_back(std::move(folders));
        n_uses.push_back(0);
      }
      if (it->second < out.lists_.size()) {
        ++n_uses[it->second];
        out.by_file_.try_emplace(*path, it->second);
        out.by_stem_.try_emplace(without_extension(*path), it->second);
        for (std::string& folder : folders_up(*path)) {
          if (!out.by_folder_.try_emplace(std::move(folder), it->second).second) break;
        }
      }
    }
    return ++n_entries < kMaxEntries;
  });
  if (!n_uses.empty()) {
    out.most_common_ =
        static_cast<size_t>(std::max_element(n_uses.begin(), n_uses.end()) - n_uses.begin());
  }
  return out;
}

const IncludeFolders* CompileCommands::of(std::string_view path) const {
  if (lists_.empty()) return nullptr;
  auto in = [&](const std::unordered_map<std::string, size_t>& map,
                const std::string& key) -> const IncludeFolders* {
    auto it = map.find(key);
    return it == map.end() ? nullptr : &lists_[it->second];
  };
  if (const auto* own = in(by_file_, std::string(path))) return own;
  if (const auto* beside = in(by_stem_, without_extension(path))) return beside;
  for (const std::string& folder : folders_up(path)) {
    if (folder.empty()) break;
    if (const auto* near = in(by_folder_, folder)) return near;
  }
  return &lists_[most_common_];
}

}  // namespace engramd::repoindex
