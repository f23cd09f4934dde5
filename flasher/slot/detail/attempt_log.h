#pragma once
// One text file an attempt: every step with its time, every error with its code.

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace flashline::line::detail {

/// Lines are written in order on a thread of `blocking`; a log that cannot be written is told to the station's log and
/// otherwise ignored.
class AttemptLog {
 public:
  AttemptLog(boost::asio::any_io_executor blocking, std::filesystem::path file, std::string slot);
  /// Also goes to the station's log, with the slot's name before it.
  void line(std::string text);
  /// Into the attempt's file only.
  void detail(std::string text);

 private:
  struct File;
  std::shared_ptr<File> file_;
  std::string slot_;
};

}  // namespace flashline::line::detail
