// engine/chat/dialects.h - the dialects there are; one file each. registry.cpp has the table.
#pragma once

#include "engine/api/chat.h"

namespace engramd::engine::chat {

// hermes.cpp: ChatML with tool calls as JSON between <tool_call> tags.
const Dialect& chatml();
const Dialect& qwen25();
const Dialect& qwen3();
// qwen_xml.cpp: ChatML with tool calls in tags.
const Dialect& qwen3_coder();
const Dialect& qwen35();
// harmony.cpp: gpt-oss.
const Dialect& harmony();
// dsml.cpp: DeepSeek-V4 as released, its refresh of 2026-07-31, and V4.1.
const Dialect& deepseek_v4();
const Dialect& deepseek_v4_0731();
const Dialect& deepseek_v41();
// glm.cpp: GLM-4.5 and 4.6, and 4.7 and later.
const Dialect& glm46();
const Dialect& glm47();
// kimi.cpp: Kimi-K2, without and with reasoning.
const Dialect& kimi_k2();
const Dialect& kimi_k2_thinking();
// llama3.cpp
const Dialect& llama3();

}  // namespace engramd::engine::chat
