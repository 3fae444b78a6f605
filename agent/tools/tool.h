// agent/tools/tool.h - what the loop lets a model do: one file per tool, one row per tool.
//
// Adding a tool: one .cpp beside this with a make_NAME_tool function, one row in all_tools()
// (tool.cpp), one case in tests/agent/tools_test.cpp. A tool never throws for bad arguments: it
// answers with a sentence the model can act on. Every answer is bounded and says what it leaves out
// and how to get it; the same tree gives the same answer, so that prompts keep their prefix. Loop
// thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/model/chat_model.h"
#include "agent/tools/arguments.h"
#include "agent/tools/workbench.h"

namespace engramd::agent {

class EditVerifier;  // agent/verify/verifier.h

struct ToolOutcome {
  std::string text;
  bool finished = false;  // the model says that it is done
};

// Asked before a command that the model wrote is run; an error is the reason why not.
using CommandGate = std::function<Status(const std::string& command)>;

struct ToolContext {
  Workbench& bench;
  const CancelToken& cancel;
  CommandGate command_gate = {};     // empty: everything may run (in the sandbox)
  EditVerifier* verifier = nullptr;  // null: the workbench's own, if any
};

struct Tool {
  ToolDescription description;
  std::function<Result<ToolOutcome>(ToolContext&, const Arguments&)> run;
  bool changes = false;  // it may change the tree: not for a run that only reads
};

Tool make_locate_tool();
Tool make_search_tool();
Tool make_list_files_tool();
Tool make_open_tool();
Tool make_outline_tool();
Tool make_definition_tool();
Tool make_references_tool();
Tool make_callers_tool();
Tool make_git_history_tool();
Tool make_replace_text_tool();
Tool make_replace_symbol_tool();
Tool make_apply_patch_tool();
Tool make_create_file_tool();
Tool make_delete_file_tool();
Tool make_rename_file_tool();
Tool make_undo_edit_tool();
Tool make_run_tests_tool();
Tool make_run_command_tool();
Tool make_finish_tool();

const std::vector<Tool>& all_tools();
const Tool* find_tool(const std::string& name);
// Which of these tools somebody means who calls one that is not among them: by what other agents
// call it ("grep" is search), else by its spelling. Empty: no guess.
std::string meant_tool(const std::string& name, const std::vector<std::string>& names);

// JSON Schema of an object whose properties are strings, integers or booleans; names ending in '?'
// are optional: schema({{"path", "string", "relative path"}, {"first_line?", "integer", "..."}}).
struct Parameter {
  std::string name, type, help;
};
std::string schema(const std::vector<Parameter>& parameters);

// At most max_bytes, head and tail kept, with a line between that says what is missing.
std::string capped(const std::string& text, size_t max_bytes);

}  // namespace engramd::agent
