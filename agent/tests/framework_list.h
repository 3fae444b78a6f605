// agent/tests/framework_list.h - the test frameworks that are understood. One line each: NAME is
// the enumerator, the file frameworks/NAME.cpp, and its row NAME_row().
//
// The order is the order in which a project is asked: the first of two equally sure ones wins.
#pragma once

#define ENGRAMD_TEST_FRAMEWORKS(ROW) \
  ROW(pytest)                        \
  ROW(unittest)                      \
  ROW(vitest)                        \
  ROW(jest)                          \
  ROW(node)                          \
  ROW(go)                            \
  ROW(cargo)                         \
  ROW(ctest)                         \
  ROW(gtest)                         \
  ROW(catch2)                        \
  ROW(tap)                           \
  ROW(junit)
