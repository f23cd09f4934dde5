#pragma once
// udev's own events (those it sends when it is done), as a descriptor that becomes readable.

#include <memory>

namespace flashline::transport::detail {

class UdevEvents {
 public:
  /// Null where there is no netlink to listen on.
  static std::unique_ptr<UdevEvents> open();
  ~UdevEvents();

  int descriptor() const;
  /// Takes all that waits off the descriptor. What they say is not believed, so it is not kept either.
  void drain();

 private:
  struct Handles;
  explicit UdevEvents(std::unique_ptr<Handles> handles);
  std::unique_ptr<Handles> handles_;
};

}  // namespace flashline::transport::detail
