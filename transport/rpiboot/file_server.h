#pragma once
// The stages after the boot ROM: the board asks for files by name until it has what it needs, then leaves.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "transport/rpiboot/boot_files.h"
#include "transport/rpiboot/boot_metadata.h"
#include "transport/rpiboot/file_request.h"
#include "transport/rpiboot/rpiboot_times.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

/// One question and what it got: the best diagnosis of a board that does not come up.
struct AskedFile {
  FileRequest::Ask ask = FileRequest::Ask::size;
  std::string name{};                   ///< shown characters only
  std::optional<std::uint64_t> size{};  ///< nothing: there is no such file
  bool refused = false;                 ///< the name leads out of the folder
};

struct FileServerOutcome {
  enum class End : std::uint8_t {
    running,  ///< failed before any end: see `error`
    done,     ///< the board said that it wants nothing more
    left,     ///< the board left its port
  };
  End end = End::running;
  std::optional<Error> error{};  ///< nothing: the board has what it needs and the next stage will come
  std::vector<AskedFile> asked{};
  std::string last_served{};  ///< name of the last file that went out whole
  BootMetadata metadata{};
};

struct FileServerRules {
  /// The board may not end before it has read this file: "boot.img", or "pieeprom.bin" of a recovery. Empty: any end is
  /// right.
  std::string needed{};
  std::size_t most_requests = 10'000;
  std::function<void(const AskedFile&)> on_asked{};
};

/// Serves until the board ends it. The outcome is whole in failure, too. Errors: rpi_wrong_stage, rpi_not_known,
/// rpi_interfaces, rpi_silent, rpi_request, rpi_endless, rpi_left_early, those of BytePipe. Nothing was written to the
/// board's storage: every one can be tried again from the boot ROM on.
/// `pipe` and `files` outlive the call.
asio::awaitable<FileServerOutcome> serve_files(BytePipe& pipe, const BootFiles& files, FileServerRules rules,
                                               RpibootTimes times = {});

/// "mcb.bin, boot.img (missing)": what was asked last, at most `most` of it, oldest first.
std::string to_text(const std::vector<AskedFile>& asked, std::size_t most = 8);

}  // namespace flashline::transport
