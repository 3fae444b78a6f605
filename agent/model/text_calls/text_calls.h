// agent/model/text_calls/text_calls.h - tool calls that a model wrote into its text because nobody
// behind the endpoint turned them into calls.
//
// Tried only when a reply has no calls. One file per way of writing them, one row in the table
// (text_calls.cpp): a reader looks for its mark, and gives what it found. Only calls of tools that
// were offered count; everything else stays text. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::agent {

struct TextCalls {
  std::vector<ToolCall> calls;  // without ids
  std::string text;             // what stood around them
};

// Looks through all readers; the first one that finds a call of an offered tool wins. Replies
// over a megabyte are left alone.
TextCalls find_text_calls(const std::string& text, const std::vector<ToolDescription>& tools);

// What a model is told that is not offered with tools: how to write a call, and what there is.
std::string text_tools_instruction(const std::vector<ToolDescription>& tools);

namespace text_calls {
using Tools = std::vector<ToolDescription>;
// <tool_call>, <function=...>, DSML, GLM's, Kimi's, harmony's and Llama's: the formats of
// engine/chat, each read by its own parser.
TextCalls read_model_formats(const std::string& text, const Tools& tools);
// ```json {"name": ..., "arguments": {...}} ```, also without the fence, also a list of them.
TextCalls read_json_calls(const std::string& text, const Tools& tools);
// [TOOL_CALLS][{...}] and [TOOL_CALLS]name[ARGS]{...}, as Mistral writes it.
TextCalls read_mistral(const std::string& text, const Tools& tools);
// <invoke name="f"><parameter name="p">value</parameter></invoke>
TextCalls read_invoke_tags(const std::string& text, const Tools& tools);

bool is_offered(const Tools& tools, const std::string& name);
}  // namespace text_calls

}  // namespace engramd::agent
