#include "flasher/slot/detail/batch_work.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/record.h"
#include "imaging/provisioning/unit_list.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {
namespace {

Result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open() || in.bad()) {
    return fail(errc::image_open, file.string() + ": " + std::system_category().message(errno));
  }
  return text;
}

std::string digest_of(std::string_view text) { return to_hex(sha256(std::as_bytes(std::span{text}))); }

/// Over recipe.xml and every template it names.
Result<std::string> recipe_digest(const std::filesystem::path& file, const config::Recipe& recipe) {
  FL_TRY(std::string all, read_file(file));
  for (const auto& overlay : recipe.overlay) all += digest_of(overlay.text);
  return digest_of(all);
}

Status take_digest(std::string& known, const std::string& found, std::string_view what, const std::string& file) {
  if (!known.empty() && known != found) {
    return fail(errc::batch_input, fmt::format("the {} {} is not the one the batch was begun with", what, file));
  }
  known = found;
  return {};
}

/// What is read from files but for the image. On a blocking thread.
struct Order {
  std::optional<config::Recipe> recipe;
  std::optional<imaging::UnitList> list;
};

Result<Order> read_order(BatchRow& row) {
  Order order;
  if (!row.recipe.empty()) {
    FL_TRY(order.recipe, config::load_recipe(row.recipe));
    FL_TRY(const auto digest, recipe_digest(row.recipe, *order.recipe));
    FL_CHECK(take_digest(row.recipe_digest, digest, "recipe", row.recipe));
  }
  if (!row.units_file.empty()) {
    FL_TRY(const auto csv, read_file(row.units_file));
    FL_CHECK(take_digest(row.units_digest, digest_of(csv), "unit list", row.units_file));
    FL_TRY(order.list, imaging::parse_unit_list(csv, row.units_file));
  }
  return order;
}

struct ReadOrder {
  BatchRow row;
  Order order;
};

asio::awaitable<Result<ReadOrder>> read_on_thread(BatchRow row) {
  auto order = read_order(row);
  if (!order) co_return std::unexpected{order.error()};
  co_return ReadOrder{std::move(row), std::move(*order)};
}

StalePolicy stale_policy(config::StalePolicy policy) {
  switch (policy) {
    case config::StalePolicy::zero:
      return StalePolicy::zero;
    case config::StalePolicy::discard_verified:
      return StalePolicy::discard_verified;
    case config::StalePolicy::keep:
      return StalePolicy::keep;
  }
  return StalePolicy::zero;
}

WriteOptions write_options(const config::Station& station, const std::optional<config::Recipe>& recipe) {
  const config::WriteRule rule = recipe ? recipe->write : config::WriteRule{};
  WriteOptions options;
  options.stale = stale_policy(rule.stale.value_or(station.stale));
  options.verify = rule.verify.value_or(true);
  options.fit_gpt = rule.fit_gpt.value_or(false);
  options.probe = rule.probe;
  return options;
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<BatchWork>>> load_work(BatchRow row, const config::Station& station,
                                                              BoardWriter& writer) {
  auto work = std::make_shared<BatchWork>();
  auto read = co_await asio::co_spawn(writer.blocking(), read_on_thread(std::move(row)), asio::use_awaitable);
  if (!read) co_return std::unexpected{std::move(read).error()};
  work->row = std::move(read->row);
  work->recipe = read->order.recipe;
  FL_CO_TRY(work->source, make_identity_source(work->recipe, std::move(read->order.list)));
  FL_CO_TRY(work->image, co_await writer.load(work->row.image));
  work->row.image_format = work->image.format;
  work->row.image_signer = work->image.signer;
  const std::string digest = work->image.digest();
  if (!digest.empty()) FL_CO_CHECK(take_digest(work->row.image_digest, digest, "image", work->row.image));
  work->write = write_options(station, work->recipe);
  co_return work;
}

Result<std::filesystem::path> keep_unit_list(const std::filesystem::path& csv, const std::filesystem::path& state) {
  FL_TRY(const auto text, read_file(csv));
  const auto folder = state / "units";
  const auto kept = folder / (digest_of(text) + ".csv");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(errc::record_store, folder.string() + ": " + error.message());
  // A list may hold secrets: nobody else reads the copy.
  const imaging::FileHandle out{::open(kept.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  const bool written = out && ::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(out.get()) == 0;
  if (!written) return fail(errc::record_store, kept.string() + ": " + std::system_category().message(errno));
  return kept;
}

}  // namespace flashline::line::detail
