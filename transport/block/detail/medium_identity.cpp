#include <array>
#include <fcntl.h>
#include <initializer_list>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "imaging/core/digest.h"
#include "transport/block/detail/block_devices.h"
#include "transport/block/detail/opened_medium.h"

namespace flashline::transport::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* identity_attribute = "user.flashline.medium";

std::string trimmed(std::string text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// "name=value" of every file that is there and says something.
std::string facts_in(const fs::path& folder, std::initializer_list<const char*> names) {
  std::string facts;
  for (const char* name : names) {
    const auto value = trimmed(first_line(folder / name));
    if (!value.empty()) facts += (facts.empty() ? "" : " ") + std::string{fs::path{name}.filename()} + "=" + value;
  }
  return facts;
}

std::string random_hex() {
  std::array<std::byte, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  return to_hex(bytes);
}

std::string attribute_of(int fd) {
  std::array<char, 64> value{};
  const auto length = ::fgetxattr(fd, identity_attribute, value.data(), value.size());
  return length > 0 ? std::string{value.data(), static_cast<std::size_t>(length)} : std::string{};
}

}  // namespace

std::string device_identity(const fs::path& sys_path, const Machine& machine) {
  const auto what = facts_in(sys_path, {"device/vendor", "device/model", "device/name"});
  auto which = facts_in(sys_path, {"device/serial", "serial", "device/wwid", "wwid", "device/cid"});
  const auto backing = first_line(sys_path / "loop/backing_file");
  if (const FileDescriptor file{::open(backing.c_str(), O_RDONLY | O_CLOEXEC)}; file) which = file_identity(file.get());
  const bool removable = first_line(sys_path / "removable") == "1";
  // A card reader's serial is the same for every card, and a disk may have none. Then only the kernel's count of media,
  // good until the next boot, tells that nobody took it out.
  if ((which.empty() || removable) && which.find("cid=") == std::string::npos) {
    const auto sequence = first_line(sys_path / "diskseq");
    if (sequence.empty()) return {};
    const auto boot = first_line(machine.proc / "sys/kernel/random/boot_id");
    which += (which.empty() ? "" : " ") + ("diskseq=" + sequence + " boot=" + boot);
  }
  return what.empty() ? which : what + " " + which;
}

std::string file_identity(int fd) {
  struct statx found{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &found) != 0) return {};
  auto id = attribute_of(fd);
  if (id.empty()) {
    const auto fresh = random_hex();
    // CREATE: of two stations that come at once, one wins and both read the same.
    ::fsetxattr(fd, identity_attribute, fresh.data(), fresh.size(), XATTR_CREATE);
    id = attribute_of(fd);
  }
  const bool born = (found.stx_mask & STATX_BTIME) != 0;
  if (id.empty() && !born) return {};
  if (id.empty()) {
    id = "born-" + std::to_string(found.stx_btime.tv_sec) + "." + std::to_string(found.stx_btime.tv_nsec);
  }
  return "file=" + std::to_string(found.stx_dev_major) + ":" + std::to_string(found.stx_dev_minor) + ":" +
         std::to_string(found.stx_ino) + " id=" + id;
}

}  // namespace flashline::transport::detail
