// lsp/protocol/capabilities.h - what a client says it can, asked by the paths of the specification.
//
//   client.flag("textDocument.rename.prepareSupport")
//
// Nothing is known in advance: a feature asks for what it needs, in its own file. A cheap value,
// immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::lsp {

class ClientCapabilities {
 public:
  ClientCapabilities() = default;  // can nothing
  explicit ClientCapabilities(const nlohmann::json& json);

  bool flag(std::string_view path) const;                       // written as true
  bool has(std::string_view path) const;                        // written, not null and not false
  std::optional<uint32_t> number(std::string_view path) const;  // not negative
  // An array of strings that holds value; with no array there it holds nothing.
  bool lists(std::string_view path, std::string_view value) const;
  bool lists(std::string_view path, int value) const;
  std::vector<std::string> strings(std::string_view path) const;  // in the client's order
  // The first format of contentFormat and its likes is what the client prefers.
  bool prefers_markdown(std::string_view path) const;

 private:
  const nlohmann::json* at(std::string_view path) const;  // null when absent
  std::shared_ptr<const nlohmann::json> json_;
};

}  // namespace engramd::lsp
