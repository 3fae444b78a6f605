#include "lsp/protocol/life_cycle.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"
#include "lsp/uri.h"

namespace engramd::lsp {
namespace {

using reader::Json;

std::vector<WorkspaceFolder> folders_at(const Json& parent, const char* name) {
  std::vector<WorkspaceFolder> folders;
  reader::each(parent, name, [&](const Json& folder) {
    folders.push_back({reader::string_at(folder, "uri"), reader::optional_string(folder, "name")});
  });
  return folders;
}

bool is_on(const std::string& trace) {
  return trace == "messages" || trace == "verbose";
}

// Writes the members below prefix; those that begin alike stand together because a map is sorted.
void put_members(JsonWriter& json, const std::map<std::string, std::string>& members,
                 const std::string& prefix) {
  json.begin_object();
  std::string last;
  for (auto at = members.lower_bound(prefix); at != members.end(); ++at) {
    if (at->first.compare(0, prefix.size(), prefix) != 0) break;
    const std::string rest = at->first.substr(prefix.size());
    const size_t dot = rest.find('.');
    const std::string name = rest.substr(0, dot);
    if (name == last) continue;
    last = name;
    json.key(name);
    if (dot == std::string::npos) {
      json.raw(at->second);
    } else {
      put_members(json, members, prefix + name + ".");
    }
  }
  json.end_object();
}

}  // namespace

Status read(const Json& json, InitializeParams& out) {
  return reader::reading(json, [&] {
    if (const Json& pid = reader::member(json, "processId"); pid.is_number_integer())
      out.process_id = pid.get<int64_t>();
    out.client_name = reader::optional_string(reader::member(json, "clientInfo"), "name");
    out.client_version = reader::optional_string(reader::member(json, "clientInfo"), "version");
    out.folders = folders_at(json, "workspaceFolders");
    if (out.folders.empty()) {
      const std::string uri = reader::optional_string(json, "rootUri");
      const std::string path = reader::optional_string(json, "rootPath");
      if (!uri.empty()) {
        out.folders.push_back({uri, {}});
      } else if (!path.empty() && path.front() == '/') {
        out.folders.push_back({uri_of_path(path), {}});
      }
    }
    out.capabilities = ClientCapabilities(reader::object_at(json, "capabilities"));
    out.options = reader::text_at(json, "initializationOptions");
    out.trace = is_on(reader::optional_string(json, "trace"));
  });
}

Status read(const Json& json, DidChangeWorkspaceFoldersParams& out) {
  return reader::reading(json, [&] {
    const Json& event = reader::object_at(json, "event");
    out.added = folders_at(event, "added");
    out.removed = folders_at(event, "removed");
  });
}

Status read(const Json& json, DidChangeConfigurationParams& out) {
  return reader::reading(json, [&] { out.settings = reader::text_at(json, "settings"); });
}

Status read(const Json& json, SetTraceParams& out) {
  return reader::reading(json, [&] { out.trace = is_on(reader::string_at(json, "value")); });
}

std::string first_item(const Json& array) {
  if (!array.is_array() || array.empty()) return "null";
  return array.front().dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> read_cancelled_id(const Json& json) {
  const std::string id = reader::token_at(json, "id");
  if (id.empty()) return fail(ErrorCode::invalid_input, "$/cancelRequest has no id");
  return id;
}

std::string write(const InitializeResult& result) {
  std::map<std::string, std::string> members = result.capabilities;
  members["positionEncoding"] = json_string(result.position_encoding);
  members["textDocumentSync"] = R"({"openClose":true,"change":2,"save":true})";
  members["workspace.workspaceFolders"] = R"({"supported":true,"changeNotifications":true})";
  JsonWriter json;
  json.begin_object().key("capabilities");
  put_members(json, members, "");
  json.key("serverInfo").begin_object();
  json.field("name", "engramd").field("version", result.version).end_object();
  return json.end_object().take();
}

std::string write(const RegistrationParams& params) {
  JsonWriter json;
  json.begin_object().key("registrations").begin_array();
  for (const Registration& one : params.registrations) {
    json.begin_object().field("id", one.id).field("method", one.method);
    if (!one.options.empty()) json.key("registerOptions").raw(one.options);
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string write(const UnregistrationParams& params) {
  JsonWriter json;
  // The specification's own spelling.
  json.begin_object().key("unregisterations").begin_array();
  for (const Registration& one : params.unregistrations)
    json.begin_object().field("id", one.id).field("method", one.method).end_object();
  return json.end_array().end_object().take();
}

std::string write(const ConfigurationParams& params) {
  JsonWriter json;
  json.begin_object().key("items").begin_array().begin_object();
  return json.field("section", params.section).end_object().end_array().end_object().take();
}

std::string encoding_name(PositionEncoding encoding) {
  switch (encoding) {
    case PositionEncoding::utf8:
      return "utf-8";
    case PositionEncoding::utf32:
      return "utf-32";
    default:
      return "utf-16";
  }
}

PositionEncoding chosen_encoding(const std::vector<std::string>& offered) {
  for (const std::string& name : offered) {
    for (const PositionEncoding ours :
         {PositionEncoding::utf8, PositionEncoding::utf16, PositionEncoding::utf32}) {
      if (name == encoding_name(ours)) return ours;
    }
  }
  return PositionEncoding::utf16;
}

}  // namespace engramd::lsp
