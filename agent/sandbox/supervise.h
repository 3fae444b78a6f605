// agent/sandbox/supervise.h - a process between us and a command that answers for all it starts.
//
//   engramd ── supervisor ── command ── …
//
// The supervisor adopts whatever loses its parent (also a daemon that left session and group), and
// when the command ends, we ask (SIGTERM) or we die, it kills and reaps everything before it goes.
// So once it is gone, nothing is left, and its processor time is that of all of them. With a watch
// it also ends a command that has started too many.
#pragma once

namespace engramd::agent {

class ProcessWatch;

// In the child of a fork, once. Returns 0 in a further child, which goes on to be the command, or
// an errno; never returns in the supervisor. Async-signal-safe. watch: may be null.
int continue_under_supervisor(ProcessWatch* watch);

// Gives up every capability, also those that exec would give back to root. 0 or an errno.
int drop_capabilities();

}  // namespace engramd::agent
