#pragma once
// Log lines on standard error, in the form that journald sorts by priority when it is what reads them.

namespace flashline::line {

/// Sets the process's logger up.
void open_journal();

}  // namespace flashline::line
