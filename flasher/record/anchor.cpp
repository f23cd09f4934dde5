#include "flasher/record/detail/anchor.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/record.h"

namespace flashline::line::detail {
namespace {

// Copies lie in different pages, so that no medium tears both in one write.
constexpr std::array<off_t, 2> copy_offsets{0, 4096};
constexpr std::size_t copy_size = 512;
constexpr std::string_view magic = "flashline-anchor-1";

struct Copy {
  std::uint64_t generation = 0;
  AnchorState state;
};

std::string checksum(std::string_view line) { return to_hex(sha256(std::as_bytes(std::span{line}))); }

std::string render(const Copy& copy) {
  const AnchorState& state = copy.state;
  std::string line = fmt::format("{} {} {} {} {} {}", magic, copy.generation, state.settled.count, state.settled.hash,
                                 state.intended.count, state.intended.hash);
  line = fmt::format("{} {}", line, checksum(line));
  line.resize(copy_size - 1, ' ');
  return line + '\n';
}

std::optional<Copy> parse(const std::string& text) {
  std::istringstream in{text};
  std::string word;
  std::string sum;
  Copy copy;
  in >> word >> copy.generation >> copy.state.settled.count >> copy.state.settled.hash >> copy.state.intended.count >>
      copy.state.intended.hash >> sum;
  if (!in || word != magic || copy.state.settled.hash.size() != 64 || copy.state.intended.hash.size() != 64) return {};
  return render(copy) == text ? std::optional{copy} : std::nullopt;
}

std::unexpected<Error> failed(const char* what) {
  const Errc code = errno == ENOSPC ? errc::record_store_full : errc::record_store;
  return fail(code, std::string{what} + ": " + std::system_category().message(errno));
}

/// The newer of the readable copies; nullopt for an empty file.
Result<std::optional<Copy>> load(int fd) {
  std::optional<Copy> newest;
  bool empty = true;
  for (const off_t offset : copy_offsets) {
    std::string text(copy_size, '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), offset);
    if (got < 0) return failed("read the records' anchor");
    text.resize(static_cast<std::size_t>(got));
    if (text.find_first_not_of('\0') == std::string::npos) continue;  // the hole before the second copy, or nothing
    empty = false;
    const auto copy = parse(text);
    if (copy && (!newest || copy->generation > newest->generation)) newest = copy;
  }
  if (!newest && !empty) return fail(errc::record_tip, "the records' anchor is not readable");
  return newest;
}

}  // namespace

Result<std::optional<AnchorState>> read_anchor(const std::filesystem::path& file) {
  const imaging::FileHandle handle{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!handle && errno == ENOENT) return std::nullopt;
  if (!handle) return failed("open the records' anchor");
  FL_TRY(const auto copy, load(handle.get()));
  return copy ? std::optional{copy->state} : std::nullopt;
}

Result<Anchor> Anchor::open(const std::filesystem::path& file) {
  Anchor anchor{imaging::FileHandle{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)}};
  if (!anchor.file_) return failed("open the records' anchor");
  FL_TRY(const auto copy, load(anchor.file_.get()));
  if (copy) {
    anchor.generation_ = copy->generation;
    anchor.state_ = copy->state;
  }
  return anchor;
}

Status Anchor::write(const AnchorState& state) {
  const std::string text = render(Copy{generation_ + 1, state});
  const off_t offset = copy_offsets[(generation_ + 1) % copy_offsets.size()];
  if (::pwrite(file_.get(), text.data(), text.size(), offset) != static_cast<ssize_t>(text.size())) {
    return failed("write the records' anchor");
  }
  if (::fdatasync(file_.get()) != 0) return failed("sync the records' anchor");
  ++generation_;
  state_ = state;
  return {};
}

}  // namespace flashline::line::detail
