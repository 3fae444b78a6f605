// agent/loop/instructions.h - what a project says to agents: AGENTS.md and its kin.
//
// Read from the user's own tree, never through a link that leaves it, and capped. They may set
// style and name commands; nothing in them is a permission, and no code here could make it one:
// they become text in the prompt, marked with the file they come from. Pure but for reading: any
// thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace engramd::agent {

struct InstructionFile {
  std::string path;        // relative to the root
  std::string text;        // cleaned (clean_text.h) and capped
  std::string applies_to;  // patterns of files, where the file says so; empty: everything
  bool truncated = false;
  size_t n_invisible = 0;  // hidden characters and comments that were taken out
};

struct InstructionCaps {
  size_t file_bytes = 16'000;
  size_t all_bytes = 32'000;
  size_t max_files = 24;
};

// In order: AGENTS.md, CLAUDE.md, GEMINI.md, .github/copilot-instructions.md, .cursorrules,
// .cursor/rules/*. A file with the text of one before it is left out.
std::vector<InstructionFile> read_project_instructions(const std::filesystem::path& root,
                                                       const InstructionCaps& caps = {});

// As they stand in a prompt: each between marks that its text cannot close. Empty for none.
std::string instructions_for_prompt(const std::vector<InstructionFile>& files);

// Text of others between marks that it cannot close, with where it comes from.
std::string quoted_as_data(const std::string& kind, const std::string& origin,
                           const std::string& text);

}  // namespace engramd::agent
