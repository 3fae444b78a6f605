// repoindex/complete/predefined.h - names that every file of a language sees and no project
// defines: the usual part of them. Constants, made before main() begins: any thread.
#pragma once

#include <string_view>
#include <vector>

namespace engramd::repoindex {

std::vector<std::string_view> predefined_names(std::string_view language);

}  // namespace engramd::repoindex
