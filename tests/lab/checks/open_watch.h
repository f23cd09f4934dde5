#pragma once
// Who opened which node in /dev. The kernel tells (fanotify), so that no open is too short to be seen.

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <sys/fanotify.h>
#include <unistd.h>
#include <utility>

namespace flashline::lab {

/// Counts from its making on. Handles are asked for and no descriptors: those would open the node once more.
class OpenWatch {
 public:
  OpenWatch()
      : queue_{::fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_UNLIMITED_QUEUE, 0)},
        watches_{::fanotify_mark(queue_, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "/dev") == 0} {}
  ~OpenWatch() { ::close(queue_); }
  OpenWatch(const OpenWatch&) = delete;
  OpenWatch& operator=(const OpenWatch&) = delete;

  bool watches() const { return watches_; }

  /// How often `process` opened `node`, which is there now.
  unsigned opened(pid_t process, const std::filesystem::path& node) {
    drain();
    const auto found = opens_.find({process, handle_of(node)});
    return found == opens_.end() ? 0 : found->second;
  }

 private:
  static std::string text_of(const file_handle& handle) {
    return std::to_string(handle.handle_type) + ":" +
           std::string(reinterpret_cast<const char*>(handle.f_handle), handle.handle_bytes);
  }
  static std::string handle_of(const std::filesystem::path& node) {
    alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
    auto* handle = reinterpret_cast<file_handle*>(room.data());
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    if (::name_to_handle_at(AT_FDCWD, node.c_str(), handle, &mount, AT_SYMLINK_FOLLOW) == 0) return text_of(*handle);
    ADD_FAILURE() << node << " is not there: " << std::strerror(errno);
    return {};
  }

  void drain() {
    alignas(fanotify_event_metadata) std::array<char, 65536> room{};
    for (ssize_t size = 0; (size = ::read(queue_, room.data(), room.size())) > 0;) {
      const auto* event = reinterpret_cast<const fanotify_event_metadata*>(room.data());
      for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
        const auto* info = reinterpret_cast<const fanotify_event_info_fid*>(event + 1);
        ++opens_[{event->pid, text_of(*reinterpret_cast<const file_handle*>(info->handle))}];
      }
    }
  }

  int queue_;
  bool watches_;
  std::map<std::pair<pid_t, std::string>, unsigned> opens_;
};

}  // namespace flashline::lab
