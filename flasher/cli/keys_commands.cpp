// `keys make-test`: keys for trying things out.

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/usage.h"
#include "imaging/source/content.h"
#include "imaging/trust/test_keys.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

/// Never over a file that is there: it may be somebody's only key.
Status write_new(const fs::path& path, const std::string& text, mode_t mode) {
  const imaging::FileHandle file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file.get()) == 0) {
    return {};
  }
  return fail(errc::image_write, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

Status write_identity(const fs::path& folder, const char* name, const imaging::PemIdentity& identity) {
  FL_CHECK(write_new(folder / fmt::format("{}.key", name), identity.key.reveal(), 0600));
  return write_new(folder / fmt::format("{}.pem", name), identity.certificate, 0644);
}

Status refuse_what_is_there(const fs::path& folder) {
  for (const char* name : {"root", "intermediate", "signer"}) {
    for (const char* kind : {"key", "pem"}) {
      const fs::path path = folder / fmt::format("{}.{}", name, kind);
      if (fs::exists(fs::symlink_status(path))) {
        return fail(errc::usage, fmt::format("{} is there already: name another folder", path.string()));
      }
    }
  }
  return {};
}

Result<int> run(const Arguments& arguments, Console& console) {
  const fs::path folder = arguments.operands().front();
  FL_CHECK(refuse_what_is_there(folder));
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return fail(errc::image_write, fmt::format("{}: {}", folder.string(), failed.message()));
  FL_TRY(const std::time_t now, build_time());
  FL_TRY(const imaging::TestKeys keys, imaging::make_test_keys(now));
  FL_CHECK(write_identity(folder, "root", keys.root));
  FL_CHECK(write_identity(folder, "intermediate", keys.intermediate));
  FL_CHECK(write_identity(folder, "signer", keys.signer));
  const std::string key = (folder / "signer.key").string();
  const std::string certificate = (folder / "signer.pem").string();
  const std::string anchor = (folder / "root.pem").string();
  console.say(fmt::format("sign with --key {} --cert {}, trust {}; for tests only", key, certificate, anchor));
  console.record(boost::json::serialize(
      boost::json::object{{"type", "result"}, {"key", key}, {"certificate", certificate}, {"anchor", anchor}}));
  return 0;
}

}  // namespace

Command keys_make_test_command() {
  return {.name = "keys make-test",
          .operands = "DIR",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Makes a root, an intermediate and a signer whose signatures count for tests only",
          .options = {},
          .examples = {"flashline keys make-test keys"},
          .run = run};
}

}  // namespace flashline::line
