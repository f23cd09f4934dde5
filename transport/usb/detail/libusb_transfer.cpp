#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <libusb-1.0/libusb.h>
#include <map>

#include "transport/usb/detail/libusb_device.h"

namespace flashline::transport::detail {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds memory_pause{20};

int error_of(libusb_transfer_status status) {
  switch (status) {
    case LIBUSB_TRANSFER_COMPLETED:
      return 0;
    case LIBUSB_TRANSFER_TIMED_OUT:
      return LIBUSB_ERROR_TIMEOUT;
    case LIBUSB_TRANSFER_CANCELLED:
      return LIBUSB_ERROR_INTERRUPTED;
    case LIBUSB_TRANSFER_STALL:
      return LIBUSB_ERROR_PIPE;
    case LIBUSB_TRANSFER_NO_DEVICE:
      return LIBUSB_ERROR_NO_DEVICE;
    case LIBUSB_TRANSFER_OVERFLOW:
      return LIBUSB_ERROR_OVERFLOW;
    default:
      return LIBUSB_ERROR_IO;
  }
}

unsigned char type_of(TransferCall::Kind kind) {
  switch (kind) {
    case TransferCall::Kind::control:
      return LIBUSB_TRANSFER_TYPE_CONTROL;
    case TransferCall::Kind::interrupt:
      return LIBUSB_TRANSFER_TYPE_INTERRUPT;
    default:
      return LIBUSB_TRANSFER_TYPE_BULK;
  }
}

/// One call under way. Everything but told() happens on the executor; it lives until libusb let go of its last piece.
class Flight : public std::enable_shared_from_this<Flight> {
 public:
  using Done = std::move_only_function<void(TransferResult)>;

  Flight(asio::any_io_executor executor, std::shared_ptr<LibusbDevice> device, std::shared_ptr<TransferPieces> pieces,
         TransferCall call)
      : executor_{executor},
        work_{executor},
        device_{std::move(device)},
        pieces_{std::move(pieces)},
        call_{call},
        end_{Clock::now() + call.timeout},
        pause_{executor} {
    for (const auto& piece : *pieces_) free_.push_back(piece.get());
  }

  void start(Done done) {
    done_ = std::move(done);
    go_on();
  }

  void cancel() { fail(LIBUSB_ERROR_INTERRUPTED); }

 private:
  struct Sent {
    std::size_t at;
    std::size_t count;
    std::shared_ptr<Flight> flight;  ///< keeps all of this while libusb has the piece
    TransferPiece* piece;
  };

  bool control() const { return call_.kind == TransferCall::Kind::control; }
  bool inwards() const { return !call_.in.empty(); }
  std::size_t total() const { return inwards() && !control() ? call_.in.size() : call_.out.size(); }
  /// Pieces of an IN call follow each other: a short one ends it, and what comes after belongs to the next call.
  std::size_t most_in_flight() const { return inwards() ? 1 : pieces_->size(); }

  void go_on() {
    while (result_.error == 0 && !all_sent_ && in_flight_ < most_in_flight() && !free_.empty()) {
      if (!send_next()) break;
    }
    if (in_flight_ == 0 && !pausing_ && (result_.error != 0 || all_sent_)) finish();
  }

  /// False: not now.
  bool send_next() {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now());
    if (left.count() <= 0) return fail(LIBUSB_ERROR_TIMEOUT), false;
    TransferPiece* const piece = free_.back();
    const std::size_t count = std::min(piece->size(), total() - next_);
    if (!call_.out.empty()) std::ranges::copy(call_.out.subspan(next_, count), piece->memory());
    auto sent = std::make_unique<Sent>(next_, count, shared_from_this(), piece);
    fill(*piece, count, left, sent.get());
    const int code = libusb_submit_transfer(piece->transfer());
    if (code == LIBUSB_ERROR_NO_MEM) return wait_for_memory(), false;
    if (code != 0) return fail(code), false;
    static_cast<void>(sent.release());  // told() has it now
    free_.pop_back();
    next_ += count;
    all_sent_ = next_ == total();
    ++in_flight_;
    return true;
  }

  void fill(TransferPiece& piece, std::size_t count, std::chrono::milliseconds left, Sent* sent) {
    auto* const data = reinterpret_cast<unsigned char*>(piece.memory());
    const std::size_t room = control() ? count + call_.in.size() : count;
    libusb_fill_bulk_transfer(piece.transfer(), device_->handle(), call_.endpoint, data, static_cast<int>(room), told,
                              sent, static_cast<unsigned>(left.count()));
    piece.transfer()->type = type_of(call_.kind);
    piece.transfer()->flags = 0;
  }

  /// Another program, or a pipe that was opened later, has it: it comes back when a transfer ends.
  void wait_for_memory() {
    if (in_flight_ > 0) return;
    if (Clock::now() + memory_pause > end_) return fail(LIBUSB_ERROR_NO_MEM);
    pausing_ = true;
    pause_.expires_after(memory_pause);
    pause_.async_wait([self = shared_from_this()](boost::system::error_code) {
      self->pausing_ = false;
      self->go_on();
    });
  }

  /// On libusb's thread.
  static void LIBUSB_CALL told(libusb_transfer* transfer) {
    auto sent = std::unique_ptr<Sent>{static_cast<Sent*>(transfer->user_data)};
    const asio::any_io_executor executor = sent->flight->executor_;
    asio::post(executor, [sent = std::move(sent)] { sent->flight->came_back(*sent); });
  }

  void came_back(const Sent& sent) {
    --in_flight_;
    free_.push_back(sent.piece);
    const libusb_transfer& transfer = *sent.piece->transfer();
    const auto actual = static_cast<std::size_t>(transfer.actual_length);
    if (const int error = error_of(transfer.status); error != 0) {
      fail(error);
    } else if (inwards()) {
      take_in(sent, actual);
    } else if (const std::size_t asked = control() ? sent.count - LIBUSB_CONTROL_SETUP_SIZE : sent.count;
               actual < asked) {
      result_.shorter = true;
      fail(LIBUSB_ERROR_OTHER);
    } else {
      result_.bytes += actual;
    }
    go_on();
  }

  void take_in(const Sent& sent, std::size_t actual) {
    const std::byte* const from = sent.piece->memory() + (control() ? LIBUSB_CONTROL_SETUP_SIZE : 0);
    const std::size_t at = control() ? 0 : sent.at;
    std::copy_n(from, std::min(actual, call_.in.size() - at), call_.in.begin() + static_cast<std::ptrdiff_t>(at));
    result_.bytes += actual;
    if (actual < sent.count) all_sent_ = true;
  }

  /// The first error counts; the other pieces are called back. What they carried is not known.
  void fail(int error) {
    if (result_.error != 0) return;
    result_.error = error;
    pause_.cancel();
    for (const auto& piece : *pieces_) {
      if (std::ranges::find(free_, piece.get()) == free_.end()) libusb_cancel_transfer(piece->transfer());
    }
    if (in_flight_ == 0 && !pausing_) finish();
  }

  void finish() {
    if (auto done = std::exchange(done_, nullptr)) done(result_);
  }

  asio::any_io_executor executor_;
  asio::executor_work_guard<asio::any_io_executor> work_;
  std::shared_ptr<LibusbDevice> device_;
  std::shared_ptr<TransferPieces> pieces_;
  TransferCall call_;
  Clock::time_point end_;
  asio::steady_timer pause_;
  Done done_;
  TransferResult result_;
  std::vector<TransferPiece*> free_;
  std::size_t next_ = 0;
  std::size_t in_flight_ = 0;
  bool all_sent_ = false;
  bool pausing_ = false;
};

}  // namespace

asio::awaitable<TransferResult> transfer(asio::any_io_executor executor, std::shared_ptr<LibusbDevice> device,
                                         std::shared_ptr<TransferPieces> pieces, TransferCall call) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(TransferResult)>(
      [flight =
           std::make_shared<Flight>(std::move(executor), std::move(device), std::move(pieces), call)](auto handler) {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign([weak = std::weak_ptr{flight}](asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancel();
          });
        }
        flight->start([handler = std::move(handler)](TransferResult result) mutable {
          auto executor_of = asio::get_associated_executor(handler);
          asio::post(executor_of, [handler = std::move(handler), result]() mutable {
            asio::get_associated_cancellation_slot(handler).clear();
            handler(result);
          });
        });
      },
      asio::use_awaitable);
}

}  // namespace flashline::transport::detail
