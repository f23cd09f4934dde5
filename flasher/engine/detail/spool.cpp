#include "flasher/engine/detail/spool.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <spdlog/fmt/fmt.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "flasher/engine/detail/signal.h"
#include "flasher/engine/detail/spool_folder.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/device.h"
#include "imaging/core/errors/image.h"

namespace flashline::line::detail {
namespace {

/// Where nobody knows the size, room is taken in steps.
constexpr std::uint64_t room_step = 256_MiB;
constexpr std::uint64_t write_back_step = 32_MiB;

}  // namespace

class Spool::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(std::filesystem::path folder, SpoolNames names, asio::any_io_executor executor)
      : folder_{std::move(folder)}, names_{std::move(names)}, executor_{std::move(executor)} {}

  bool find_complete() {
    auto sums = read_sums(names_.sums, unit);
    if (!sums) return false;
    file_ = imaging::FileHandle{::open(names_.complete.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file_ || ::lseek(file_.get(), 0, SEEK_END) != static_cast<off_t>(sums->size.value)) return false;
    digests_ = std::make_shared<std::vector<Sha256>>(std::move(sums->digests));
    size_ = sums->size;
    filled_ = sums->size.value;
    complete_ = reused_ = true;
    return true;
  }

  Status start(imaging::Content content) {
    FL_TRY(file_, make_part(names_));
    made_part_ = true;
    size_ = content.size;
    digests_ = std::make_shared<std::vector<Sha256>>();
    if (size_) {
      FL_CHECK(ensure_room(file_.get(), folder_, {}, *size_));
      digests_->resize((size_->value + unit - 1) / unit);
    }
    content_ = std::move(content);
    thread_ = std::thread{[this] { fill(); }};
    return {};
  }

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    if (made_part_ && !complete_) ::unlink(names_.part.c_str());
  }

  int fd() const { return file_.get(); }
  bool reused() const { return reused_; }
  std::shared_ptr<const std::vector<Sha256>> digests() const { return digests_; }
  void distrust() const { ::unlink(names_.sums.c_str()), ::unlink(names_.complete.c_str()); }

  Status wait_blocking(ByteOffset end) {
    std::unique_lock lock{mutex_};
    moved_.wait(lock, [&] { return ended_for(end); });
    return outcome(end);
  }

  asio::awaitable<Status> wait_for(ByteOffset end) {
    while (!is_there(end)) co_await signal_.wait();
    co_return answer(end);
  }

  asio::awaitable<Result<ByteCount>> wait_complete() {
    while (!is_complete()) co_await signal_.wait();
    FL_CO_CHECK(answer({}));
    co_return *size_;
  }

 private:
  bool ended_for(ByteOffset end) const { return filled_ >= end.value || complete_ || error_; }
  bool is_there(ByteOffset end) {
    const std::lock_guard lock{mutex_};
    return ended_for(end);
  }
  bool is_complete() {
    const std::lock_guard lock{mutex_};
    return complete_ || error_;
  }
  Status outcome(ByteOffset end) const {
    if (error_) return std::unexpected{*error_};
    if (filled_ >= end.value) return {};
    return fail(errc::truncated, fmt::format("the decompressed image ends at {}, before {}", filled_, end.value));
  }
  Status answer(ByteOffset end) {
    const std::lock_guard lock{mutex_};
    return outcome(end);
  }

  // From here on: the spool's own thread.

  void fill() {
    Status status = fill_all();
    if (status) status = complete();
    {
      const std::lock_guard lock{mutex_};
      if (!status) error_ = std::move(status).error();
    }
    tell();
    content_ = {};
  }

  void tell() {
    moved_.notify_all();
    asio::post(executor_, [self = shared_from_this()] { self->signal_.notify(); });
  }

  Status fill_all() {
    std::vector<std::byte> buffer(1_MiB);
    std::uint64_t at = 0;
    for (;;) {
      if (stop_) return fail(errc::cancelled, "the station stops");
      FL_TRY(const std::size_t got, read_full(buffer));
      if (got == 0) break;
      FL_CHECK(put(at, std::span{buffer}.first(got)));
      at += got;
      {
        const std::lock_guard lock{mutex_};
        filled_ = at;
      }
      tell();
    }
    return check_size(at);
  }

  Result<std::size_t> read_full(std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size()) {
      FL_TRY(const std::size_t got, content_.stream->read(out.subspan(done)));
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  Status put(std::uint64_t at, std::span<const std::byte> bytes) {
    if (size_ && at + bytes.size() > size_->value) return check_size(at + bytes.size());
    if (!size_ && at + bytes.size() > room_) {
      FL_CHECK(ensure_room(file_.get(), folder_, ByteOffset{room_}, ByteCount{room_step}));
      room_ += room_step;
    }
    note_digests(at, bytes);
    const auto start = static_cast<off_t>(at);
    for (std::size_t done = 0; done < bytes.size();) {
      const auto put =
          ::pwrite(file_.get(), bytes.data() + done, bytes.size() - done, start + static_cast<off_t>(done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        return fail(errno == ENOSPC ? errc::spool_space : errc::image_write,
                    fmt::format("{}: {}", names_.part.string(), std::strerror(errno)));
      }
      done += static_cast<std::size_t>(put);
    }
    // Dirty pages go to the disk as we go, not all at once when the kernel's limit is reached.
    if (at % write_back_step == 0 && at > 0) {
      ::sync_file_range(file_.get(), start - static_cast<off_t>(write_back_step), write_back_step,
                        SYNC_FILE_RANGE_WRITE);
    }
    return {};
  }

  void note_digests(std::uint64_t at, std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size(); done += unit) {
      const auto digest = sha256(bytes.subspan(done, std::min<std::size_t>(unit, bytes.size() - done)));
      const std::size_t number = (at + done) / unit;
      if (number < digests_->size()) {
        (*digests_)[number] = digest;
      } else {
        digests_->push_back(digest);
      }
    }
  }

  Status check_size(std::uint64_t found) const {
    if (!size_ || size_->value == found) return {};
    return fail(found < size_->value ? errc::truncated : errc::image_read,
                fmt::format("the decompressed image has {}{} bytes, {} were announced",
                            found < size_->value ? "" : "at least ", found, size_->value));
  }

  Status complete() {
    const ByteCount size{filled_};
    const bool done = ::ftruncate(file_.get(), static_cast<off_t>(size.value)) == 0 && ::fdatasync(file_.get()) == 0;
    if (!done) return fail(errc::image_write, fmt::format("{}: {}", names_.part.string(), std::strerror(errno)));
    // The sums stand before the name does: a spool without them is none.
    FL_CHECK(write_sums(names_.sums, {size, *digests_}));
    if (::rename(names_.part.c_str(), names_.complete.c_str()) != 0) {
      return fail(errc::image_write, fmt::format("{}: {}", names_.complete.string(), std::strerror(errno)));
    }
    const std::lock_guard lock{mutex_};
    size_ = size;
    complete_ = true;
    return {};
  }

  std::filesystem::path folder_;
  SpoolNames names_;
  asio::any_io_executor executor_;
  imaging::FileHandle file_;
  imaging::Content content_;
  std::shared_ptr<std::vector<Sha256>> digests_;  // a unit's is written before filled_ passes it
  std::uint64_t room_ = 0;
  bool made_part_ = false;
  bool reused_ = false;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  Signal signal_;  // of the event thread

  std::mutex mutex_;
  std::condition_variable moved_;
  std::optional<ByteCount> size_;
  std::uint64_t filled_ = 0;
  bool complete_ = false;
  std::optional<Error> error_;
};

Spool::Spool(std::shared_ptr<Core> core) : core_{std::move(core)} {}
Spool::~Spool() { core_->stop(); }

Result<std::shared_ptr<Spool>> Spool::open(const std::filesystem::path& folder, const std::filesystem::path& image_file,
                                           imaging::Content content, asio::any_io_executor executor) {
  FL_TRY(auto names, spool_names(folder, image_file));
  auto core = std::make_shared<Core>(folder, std::move(names), std::move(executor));
  std::shared_ptr<Spool> spool{new Spool{core}};
  if (!core->find_complete()) FL_CHECK(core->start(std::move(content)));
  return spool;
}

int Spool::fd() const { return core_->fd(); }
bool Spool::reused() const { return core_->reused(); }
imaging::HashTable Spool::digests() const { return {.unit = unit, .origin = {}, .digests = core_->digests()}; }
asio::awaitable<Status> Spool::wait_for(ByteOffset end) { return core_->wait_for(end); }
Status Spool::wait_blocking(ByteOffset end) { return core_->wait_blocking(end); }
asio::awaitable<Result<ByteCount>> Spool::wait_complete() { return core_->wait_complete(); }
void Spool::distrust() { core_->distrust(); }

}  // namespace flashline::line::detail
