#include "transport/rpiboot/file_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/errors/usb.h"
#include "transport/rpiboot/boot_bundle.h"
#include "transport/rpiboot/detail/pi_wire.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

using End = FileServerOutcome::End;

constexpr std::size_t most_metadata = 64;

class FileServer {
 public:
  FileServer(BytePipe& pipe, const BootFiles& files, FileServerRules rules, std::uint8_t out, RpibootTimes times)
      : files_{files}, rules_{std::move(rules)}, wire_{pipe, out, times} {}

  asio::awaitable<FileServerOutcome> serve() {
    auto status = co_await answer_all();
    if (!status) outcome_.error = judged(std::move(status).error());
    if (!outcome_.error && !has_needed()) {
      outcome_.error = Error{errc::rpi_left_early, fmt::format("the board wants nothing more and has not read {}; {}",
                                                               rules_.needed, asked_last())};
    }
    co_return std::move(outcome_);
  }

 private:
  asio::awaitable<Status> answer_all() {
    for (std::size_t count = 0; count < rules_.most_requests; ++count) {
      auto request = co_await next_request();
      if (!request) co_return std::unexpected{std::move(request).error()};
      FL_CO_CHECK(co_await answer(*request));
      if (outcome_.end == End::done) co_return Status{};
    }
    co_return fail(errc::rpi_endless, fmt::format("more than {} requests; {}", rules_.most_requests, asked_last()));
  }

  asio::awaitable<Result<FileRequest>> next_request() {
    std::array<std::byte, FileRequest::size_on_wire> bytes{};
    for (int tries = 1;; ++tries) {
      auto got = co_await wire_.get(bytes);
      if (got) co_return parse_file_request(std::span{bytes}.first(*got));
      if (got.error().code != errc::usb_timeout) co_return std::unexpected{std::move(got).error()};
      if (tries >= wire_.times().request_tries) break;
      // It may be busy unpacking: a question that does not come is no fault yet.
      asio::steady_timer rest{co_await asio::this_coro::executor, wire_.times().between_requests};
      co_await rest.async_wait(asio::use_awaitable);
    }
    co_return fail(errc::rpi_silent, fmt::format("{} times no request; {}", wire_.times().request_tries, asked_last()));
  }

  asio::awaitable<Status> answer(const FileRequest& request) {
    if (request.ask == FileRequest::Ask::done) {
      outcome_.end = End::done;
      co_return Status{};
    }
    if (request.name.empty()) {
      outcome_.end = End::done;
      auto said = co_await wire_.announce(0);
      // Who ends may be gone before it hears the answer.
      if (!said && said.error().code != errc::usb_gone) co_return said;
      co_return Status{};
    }
    if (request.name.starts_with('*')) {
      keep_metadata(request.name);
      co_return co_await wire_.announce(0);
    }
    co_return co_await answer_file(request);
  }

  asio::awaitable<Status> answer_file(const FileRequest& request) {
    const bool refused = !is_inside_name(request.name);
    const auto content = refused ? nullptr : files_.find(request.name);
    const bool servable = content && content->size() <= detail::most_announced;
    note({.ask = request.ask,
          .name = shown_string(request.name),
          .size = servable ? std::optional{content->size()} : std::nullopt,
          .refused = refused});
    if (!servable) co_return co_await wire_.announce(0);
    if (request.ask == FileRequest::Ask::size) co_return co_await wire_.announce(content->size());
    auto sent = co_await wire_.put(*content, wire_.times().file_piece);
    if (!sent) co_return std::unexpected{in_context(outcome_.asked.back().name, std::move(sent).error())};
    served(request.name);
    co_return Status{};
  }

  void served(const std::string& name) {
    outcome_.last_served = shown_string(name);
    served_needed_ = served_needed_ || files_.find(name) == files_.find(rules_.needed);
  }

  void note(AskedFile asked) {
    if (rules_.on_asked) rules_.on_asked(asked);
    outcome_.asked.push_back(std::move(asked));
  }

  void keep_metadata(std::string_view name) {
    auto pair = read_metadata_name(name);
    if (pair && outcome_.metadata.size() < most_metadata) outcome_.metadata.insert_or_assign(pair->first, pair->second);
  }

  bool has_needed() const { return rules_.needed.empty() || served_needed_; }

  /// A board that leaves with what it needs did what it should; that shows as a lost link, too.
  std::optional<Error> judged(Error error) {
    const bool gone = error.code == errc::usb_gone;
    if (gone || (error.code == errc::usb_link && served_needed_)) {
      outcome_.end = End::left;
      if (has_needed()) return std::nullopt;
      return Error{errc::rpi_left_early,
                   fmt::format("{}; it has not read {}; {}", error.detail, rules_.needed, asked_last())};
    }
    return in_context("file server", std::move(error));
  }

  std::string asked_last() const { return fmt::format("asked last: {}", to_text(outcome_.asked)); }

  const BootFiles& files_;
  FileServerRules rules_;
  detail::PiWire wire_;
  FileServerOutcome outcome_;
  bool served_needed_ = false;
};

Result<std::uint8_t> out_endpoint_of_server(const UsbFacts& device) {
  if (find_pi_chip(device) == nullptr) {
    return fail(errc::rpi_not_known, fmt::format("{} is no boot stage of a Pi", id_text(device)));
  }
  if (pi_stage_of(device) == PiStage::rom) return fail(errc::rpi_wrong_stage, "the board is in its boot ROM");
  FL_TRY(const auto link, pi_link_of(device));
  return link.out;
}

}  // namespace

asio::awaitable<FileServerOutcome> serve_files(BytePipe& pipe, const BootFiles& files, FileServerRules rules,
                                               RpibootTimes times) {
  const auto out = out_endpoint_of_server(pipe.facts());
  if (!out) co_return FileServerOutcome{.error = out.error()};
  FileServer server{pipe, files, std::move(rules), *out, times};
  co_return co_await server.serve();
}

std::string to_text(const std::vector<AskedFile>& asked, std::size_t most) {
  std::string text;
  const std::size_t first = asked.size() > most ? asked.size() - most : 0;
  for (std::size_t at = first; at < asked.size(); ++at) {
    if (at > first && asked[at].name == asked[at - 1].name) continue;  // its size, then itself
    if (!text.empty()) text += ", ";
    text += asked[at].name;
    if (!asked[at].size) text += asked[at].refused ? " (refused)" : " (missing)";
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace flashline::transport
