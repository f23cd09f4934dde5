// cards_fs MOUNTPOINT: files that behave like cards in a reader, for measuring. Each has its own rates and stalls; none
// takes a moment from another one. With loop devices (direct I/O) on top they are block devices that no page cache
// makes look fast. `stats` tells how many bytes were read from and written to each file.
//
//   --backing DIR --size BYTES --card NAME:WRITE_RATE:READ_RATE ... [--stall-every BYTES --stall-ms MS] [--source FILE]
//
// Rates in bytes per second; 0 is unthrottled. --source FILE is served as `source`, uncached and read-only.

#define FUSE_USE_VERSION 314
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Stalls {
  std::uint64_t every = 0;  ///< bytes written between two stalls; 0: none
  std::chrono::milliseconds length{0};
};

/// One file. Transfers go through one after the other, as they do in a card.
class Card {
 public:
  Card(std::string name, int fd, std::uint64_t size, std::uint64_t write_rate, std::uint64_t read_rate, Stalls stalls)
      : name_{std::move(name)}, fd_{fd}, size_{size}, write_rate_{write_rate}, read_rate_{read_rate}, stalls_{stalls} {}

  const std::string& name() const { return name_; }
  int fd() const { return fd_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes_read() const { return read_; }
  std::uint64_t bytes_written() const { return written_; }

  void wait_read(std::uint64_t count) {
    read_ += count;
    wait(count, read_rate_, false);
  }
  void wait_write(std::uint64_t count) {
    written_ += count;
    wait(count, write_rate_, true);
  }

 private:
  void wait(std::uint64_t count, std::uint64_t rate, bool writing) {
    if (rate == 0) return;
    Clock::time_point due;
    {
      const std::lock_guard lock{mutex_};
      auto took = std::chrono::nanoseconds{count * 1'000'000'000 / rate};
      if (writing && stalls_.every != 0) {
        took +=
            stalls_.length * static_cast<long>((transferred_ + count) / stalls_.every - transferred_ / stalls_.every);
        transferred_ += count;
      }
      due = free_at_ = std::max(free_at_, Clock::now()) + took;
    }
    std::this_thread::sleep_until(due);
  }

  std::string name_;
  int fd_;
  std::uint64_t size_;
  std::uint64_t write_rate_;
  std::uint64_t read_rate_;
  Stalls stalls_;
  std::mutex mutex_;
  Clock::time_point free_at_{};
  std::uint64_t transferred_ = 0;
  std::atomic<std::uint64_t> read_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
};

constexpr fuse_ino_t stats_inode = 2;
constexpr fuse_ino_t first_card_inode = 3;
constexpr double keep_seconds = 3600;

std::deque<Card> cards;

Card* card_of(fuse_ino_t inode) {
  const std::size_t index = inode - first_card_inode;
  return inode >= first_card_inode && index < cards.size() ? &cards[index] : nullptr;
}

std::string stats_text() {
  std::string text = "{";
  for (const Card& card : cards) {
    if (text.size() > 1) text += ", ";
    text += "\"" + card.name() + "\": {\"read\": " + std::to_string(card.bytes_read()) +
            ", \"written\": " + std::to_string(card.bytes_written()) + "}";
  }
  return text + "}\n";
}

struct stat facts_of(fuse_ino_t inode) {
  struct stat facts{};
  facts.st_ino = inode;
  facts.st_nlink = 1;
  facts.st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0600;
  if (inode == stats_inode) facts.st_size = 65536;
  if (const Card* card = card_of(inode)) facts.st_size = static_cast<off_t>(card->size());
  return facts;
}

void do_init(void*, fuse_conn_info* connection) {
  // Many cards wait at the same time; the default of 12 requests in the background would make them wait for each other.
  connection->max_background = 4096;
  connection->congestion_threshold = 4096;
  connection->max_write = 1U << 20U;
}

void do_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  fuse_entry_param entry{};
  entry.attr_timeout = entry.entry_timeout = keep_seconds;
  if (std::string_view{name} == "stats") entry.ino = stats_inode;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    if (cards[i].name() == name) entry.ino = first_card_inode + i;
  }
  if (parent != FUSE_ROOT_ID || entry.ino == 0) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  entry.attr = facts_of(entry.ino);
  fuse_reply_entry(request, &entry);
}

void do_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  const struct stat facts = facts_of(inode);
  fuse_reply_attr(request, &facts, keep_seconds);
}

void do_setattr(fuse_req_t request, fuse_ino_t inode, struct stat*, int, fuse_file_info* file) {
  do_getattr(request, inode, file);  // a card keeps its size and owner
}

void do_readdir(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
  std::vector<char> buffer(size);
  std::size_t used = 0;
  for (auto i = static_cast<std::size_t>(offset); i <= cards.size(); ++i) {
    const fuse_ino_t inode = stats_inode + i;
    const struct stat facts = facts_of(inode);
    const char* const name = i == 0 ? "stats" : cards[i - 1].name().c_str();
    const std::size_t need =
        fuse_add_direntry(request, buffer.data() + used, size - used, name, &facts, static_cast<off_t>(i + 1));
    if (need > size - used) break;
    used += need;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void do_open(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  file->direct_io = 1;
  fuse_reply_open(request, file);
}

void do_read(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info*) {
  if (inode == stats_inode) {
    const std::string text = stats_text();
    const std::size_t at = std::min(static_cast<std::size_t>(offset), text.size());
    fuse_reply_buf(request, text.data() + at, std::min(size, text.size() - at));
    return;
  }
  Card* const card = card_of(inode);
  std::vector<char> buffer(size);
  const ssize_t count = ::pread(card->fd(), buffer.data(), size, offset);
  if (count < 0) {
    fuse_reply_err(request, errno);
    return;
  }
  card->wait_read(static_cast<std::uint64_t>(count));
  fuse_reply_buf(request, buffer.data(), static_cast<std::size_t>(count));
}

void do_write(fuse_req_t request, fuse_ino_t inode, const char* data, std::size_t size, off_t offset, fuse_file_info*) {
  Card* const card = card_of(inode);
  if (card == nullptr || static_cast<std::uint64_t>(offset) + size > card->size()) {
    fuse_reply_err(request, ENOSPC);
    return;
  }
  const ssize_t count = ::pwrite(card->fd(), data, size, offset);
  if (count < 0) {
    fuse_reply_err(request, errno);
    return;
  }
  card->wait_write(static_cast<std::uint64_t>(count));
  fuse_reply_write(request, static_cast<std::size_t>(count));
}

void do_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(request, 0); }

void do_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length, fuse_file_info*) {
  Card* const card = card_of(inode);
  if (card == nullptr) {
    fuse_reply_err(request, EINVAL);
    return;
  }
  fuse_reply_err(request, ::fallocate(card->fd(), mode, offset, length) == 0 ? 0 : errno);
}

struct Settings {
  std::string mountpoint;
  std::string backing;
  std::uint64_t size = 0;
  Stalls stalls;
  std::vector<std::string> cards;
  std::string source;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "cards_fs: %s\n", why.c_str());
  std::exit(2);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size()) give_up("not a number: " + std::string{text});
  return value;
}

Settings settings_of(int argc, char** argv) {
  if (argc < 2) give_up("see the head of cards_fs.cpp");
  Settings settings{.mountpoint = argv[1], .backing = {}, .size = 0, .stalls = {}, .cards = {}, .source = {}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string value = argv[i + 1];
    if (option == "--backing") settings.backing = value;
    if (option == "--size") settings.size = number(value);
    if (option == "--stall-every") settings.stalls.every = number(value);
    if (option == "--stall-ms") settings.stalls.length = std::chrono::milliseconds{number(value)};
    if (option == "--card") settings.cards.push_back(value);
    if (option == "--source") settings.source = value;
  }
  return settings;
}

void add_card(const Settings& settings, const std::string& text) {
  const std::size_t first = text.find(':');
  const std::size_t second = text.find(':', first + 1);
  if (second == std::string::npos) give_up("--card NAME:WRITE_RATE:READ_RATE");
  const std::string name = text.substr(0, first);
  const std::string path = settings.backing + "/" + name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(settings.size)) != 0) give_up(path + ": " + std::strerror(errno));
  cards.emplace_back(name, fd, settings.size, number(std::string_view{text}.substr(first + 1, second - first - 1)),
                     number(std::string_view{text}.substr(second + 1)), settings.stalls);
}

void add_source(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts{};
  if (fd < 0 || ::fstat(fd, &facts) != 0) give_up(path + ": " + std::strerror(errno));
  cards.emplace_back("source", fd, static_cast<std::uint64_t>(facts.st_size), 0, 0, Stalls{});
}

int serve(const std::string& mountpoint) {
  fuse_lowlevel_ops operations{};
  operations.init = do_init;
  operations.lookup = do_lookup;
  operations.getattr = do_getattr;
  operations.setattr = do_setattr;
  operations.readdir = do_readdir;
  operations.open = do_open;
  operations.read = do_read;
  operations.write = do_write;
  operations.fsync = do_fsync;
  operations.fallocate = do_fallocate;

  std::string name = "cards_fs";
  std::vector<char*> words{name.data()};
  fuse_args arguments{.argc = 1, .argv = words.data(), .allocated = 0};
  fuse_session* const session = fuse_session_new(&arguments, &operations, sizeof operations, nullptr);
  if (session == nullptr || fuse_set_signal_handlers(session) != 0) give_up("no FUSE session");
  if (fuse_session_mount(session, mountpoint.c_str()) != 0) give_up("cannot mount on " + mountpoint);
  std::puts("ready");
  std::fflush(stdout);
  fuse_loop_config* const config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_max_threads(config, 512);
  fuse_loop_cfg_set_idle_threads(config, 512);
  const int ended = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  fuse_session_unmount(session);
  fuse_remove_signal_handlers(session);
  fuse_session_destroy(session);
  return ended < 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);
  const Settings settings = settings_of(argc, argv);
  for (const std::string& card : settings.cards) add_card(settings, card);
  if (!settings.source.empty()) add_source(settings.source);
  return serve(settings.mountpoint);
}
