// agent/tests/steady_text.h - what tests print, without what differs from run to run for no reason.
//
// A model sees it in this form: the same tests on the same code give the same text, so that equal
// seeds give equal runs, and a prompt's prefix stays what it was. Addresses keep who is who
// (0xADDR1, 0xADDR2); numbers that a test may be about are left alone. Pure: any thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::agent {

//   <Basket object at 0x7f3c2a1b4d90>  ->  <Basket object at 0xADDR1>
//   ==4711==ERROR, pid 4711            ->  ==PID==ERROR, pid PID
//   /tmp/tmpk3j_x9ab/a.txt             ->  /tmp/tmpXXXXXXXX/a.txt
//   3 failed in 0.12s, (0.34s)         ->  3 failed in _s, (_s)
std::string steady_text(std::string_view text);

}  // namespace engramd::agent
