#include "lsp/protocol/capabilities.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engramd::lsp {

ClientCapabilities::ClientCapabilities(const nlohmann::json& json)
    : json_(std::make_shared<const nlohmann::json>(json)) {}

const nlohmann::json* ClientCapabilities::at(std::string_view path) const {
  const nlohmann::json* here = json_.get();
  while (here != nullptr && !path.empty()) {
    const size_t dot = path.find('.');
    if (!here->is_object()) return nullptr;
    const auto found = here->find(path.substr(0, dot));
    if (found == here->end()) return nullptr;
    here = &*found;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return here;
}

bool ClientCapabilities::flag(std::string_view path) const {
  const auto* value = at(path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

bool ClientCapabilities::has(std::string_view path) const {
  const auto* value = at(path);
  return value != nullptr && !value->is_null() && *value != false;
}

std::optional<uint32_t> ClientCapabilities::number(std::string_view path) const {
  const auto* value = at(path);
  if (value == nullptr || !value->is_number_integer() || value->get<int64_t>() < 0) return {};
  return static_cast<uint32_t>(std::min<int64_t>(value->get<int64_t>(), UINT32_MAX));
}

bool ClientCapabilities::lists(std::string_view path, std::string_view wanted) const {
  const auto* value = at(path);
  if (value == nullptr || !value->is_array()) return false;
  for (const auto& item : *value)
    if (item.is_string() && item.get_ref<const std::string&>() == wanted) return true;
  return false;
}

bool ClientCapabilities::lists(std::string_view path, int wanted) const {
  const auto* value = at(path);
  if (value == nullptr || !value->is_array()) return false;
  for (const auto& item : *value)
    if (item.is_number_integer() && item.get<int64_t>() == wanted) return true;
  return false;
}

std::vector<std::string> ClientCapabilities::strings(std::string_view path) const {
  std::vector<std::string> out;
  const auto* value = at(path);
  if (value == nullptr || !value->is_array()) return out;
  for (const auto& item : *value)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

bool ClientCapabilities::prefers_markdown(std::string_view path) const {
  const std::vector<std::string> formats = strings(path);
  return !formats.empty() && formats.front() == "markdown";
}

}  // namespace engramd::lsp
