#include "flasher/engine/detail/board_run.h"

#include <algorithm>
#include <functional>
#include <spdlog/fmt/fmt.h>

#include "flasher/engine/detail/image_state.h"
#include "flasher/engine/detail/store_run.h"
#include "flasher/engine/detail/worker_pool.h"
#include "flasher/engine/loaded_image.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/target.h"
#include "imaging/ffu/store_plan.h"
#include "imaging/provisioning/unit_overlay.h"
#include "imaging/source/fit_gpt.h"

namespace flashline::line {
namespace detail {
namespace {

using imaging::BlockPlan;
using imaging::StorePlan;

const StorePlan* find_store(const std::vector<StorePlan>& stores, const std::string& device_path) {
  const auto store = std::ranges::find(stores, device_path, &StorePlan::device_path);
  if (store != stores.end()) return &*store;
  return device_path.empty() && !stores.empty() ? &stores.front() : nullptr;
}

/// For every target its store. Errors: store_unmapped.
Result<std::vector<const StorePlan*>> stores_of(const LoadedImage& image, const std::vector<StoreFacts>& targets) {
  std::vector<const StorePlan*> mapped;
  for (const auto& target : targets) {
    const StorePlan* const store = find_store(image.stores(), target.device_path);
    if (store == nullptr) {
      return fail(errc::store_unmapped, fmt::format("the image has no store '{}'", target.device_path));
    }
    if (std::ranges::find(mapped, store) != mapped.end()) {
      return fail(errc::store_unmapped, fmt::format("two targets for store '{}'", store->device_path));
    }
    mapped.push_back(store);
  }
  for (const auto& store : image.stores()) {
    if (std::ranges::find(mapped, &store) == mapped.end()) {
      return fail(errc::store_unmapped, fmt::format("no target for store '{}'", store.device_path));
    }
  }
  return mapped;
}

Status check_size(const BlockPlan& plan, const transport::SinkFacts& facts, const WriteOptions& options) {
  if (options.expect_size && facts.capacity != *options.expect_size) {
    return fail(errc::target_unexpected_size, fmt::format("{} has {} bytes, {} were expected", facts.path,
                                                          facts.capacity.value, options.expect_size->value));
  }
  if (facts.capacity < plan.needs.min_size) {
    return fail(errc::target_too_small, fmt::format("{} has {} bytes, the image needs {}", facts.path,
                                                    facts.capacity.value, plan.needs.min_size.value));
  }
  if (plan.needs.gpt_size && *plan.needs.gpt_size != facts.capacity && !options.fit_gpt) {
    return fail(errc::target_size_differs, fmt::format("{} has {} bytes, the image's GPT describes a disk of {}",
                                                       facts.path, facts.capacity.value, plan.needs.gpt_size->value));
  }
  // Blocks counted from the end move with the medium's size, so this is known only now.
  if (const auto both = imaging::ffu::collisions(plan, facts.capacity); !both.empty()) {
    return fail(errc::out_of_disk,
                fmt::format("on {} with its {} bytes the image would write {} bytes at {} twice", facts.path,
                            facts.capacity.value, both.front().length.value, both.front().at.value));
  }
  return {};
}

/// An image that names no board, or "*", is for all of them.
bool is_for_board(const std::vector<std::string>& image, const std::vector<std::string>& board) {
  return image.empty() || board.empty() || std::ranges::find(image, "*") != image.end() ||
         std::ranges::find_first_of(image, board) != image.end();
}

Status check_target(const BlockPlan& plan, const transport::SinkFacts& facts, const WriteOptions& options) {
  if (facts.sector_size != plan.needs.sector_size) {
    return fail(errc::target_sector_size, fmt::format("{} has sectors of {} bytes, the image is for {}", facts.path,
                                                      facts.sector_size, plan.needs.sector_size));
  }
  if (!is_for_board(plan.needs.platform_ids, options.platforms)) {
    return fail(errc::target_platform,
                fmt::format("the slot's board is '{}', the image is for '{}'", options.platforms.front(),
                            fmt::join(plan.needs.platform_ids, "', '")));
  }
  return check_size(plan, facts, options);
}

Result<BlockPlan> placed(const StorePlan& store, const transport::SinkFacts& facts, const LoadedImage& image,
                         const WriteOptions& options) {
  FL_CHECK(check_target(store.plan, facts, options));
  const bool fit = options.fit_gpt && store.plan.needs.gpt_size && *store.plan.needs.gpt_size != facts.capacity;
  return fit ? imaging::fit_gpt(store.plan, image.content(), facts.capacity)
             : imaging::resolved(store.plan, facts.capacity);
}

std::vector<StoreFacts> facts_of(const RunRequest& request) {
  std::vector<StoreFacts> facts;
  for (const auto& target : request.targets) facts.push_back({target.device_path, target.sink->facts()});
  return facts;
}

/// The plan of each store, in the order of `targets`: resolved or fitted. Blocks where it reads the image's GPT.
Result<std::vector<BlockPlan>> plans_of(const LoadedImage& image, const std::vector<StoreFacts>& targets,
                                        const WriteOptions& options) {
  FL_TRY(const auto stores, stores_of(image, targets));
  std::vector<BlockPlan> plans;
  for (std::size_t i = 0; i < stores.size(); ++i) {
    FL_TRY(auto plan, placed(*stores[i], targets[i].sink, image, options));
    plans.push_back(std::move(plan));
  }
  return plans;
}

/// The same, with the overlays of the request.
Result<std::vector<BlockPlan>> plans_of(const RunRequest& request) {
  const auto facts = facts_of(request);
  FL_TRY(auto plans, plans_of(*request.image, facts, request.options));
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto& overlay = request.targets[i].overlay;
    if (overlay.extents.empty()) continue;
    FL_TRY(plans[i], imaging::with_overlay(plans[i], overlay, facts[i].sink.capacity));
  }
  return plans;
}

/// The run of one board while it lasts.
class BoardRun {
 public:
  BoardRun(RunContext context, RunRequest request) : context_{std::move(context)}, request_{std::move(request)} {
    if (!request_.control) request_.control = std::make_shared<RunControl>();
    report_.stale = request_.options.stale;
    report_.verify = request_.options.verify;
  }

  asio::awaitable<RunReport> run() {
    Status status = co_await open_stores();
    if (status) status = co_await work();
    if (reader_) reader_->leave();
    for (auto& store : stores_) {
      report_.touched = report_.touched || store->touched();
      report_.stores.push_back(store->report());
    }
    if (!status) report_.error = std::move(status).error();
    enter(status ? RunStep::done : report_.reached);
    report_.image_digest = request_.image->digest();
    co_return std::move(report_);
  }

 private:
  using Step = asio::awaitable<Status> (StoreRun::*)();

  asio::awaitable<Status> open_stores() {
    FL_CO_TRY(auto plans, co_await on_pool(context_.blocking, [this] { return plans_of(request_); }));
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const auto& target = request_.targets[i];
      const auto fitted =
          plans[i].needs.gpt_size != find_store(request_.image->stores(), target.device_path)->plan.needs.gpt_size;
      stores_.push_back(std::make_unique<StoreRun>(context_, request_.image->state(), target.sink, std::move(plans[i]),
                                                   request_.options, request_.control, target.resume));
      stores_.back()->report().device_path = target.device_path;
      stores_.back()->report().gpt_fitted = fitted;
    }
    co_return Status{};
  }

  asio::awaitable<Status> work() {
    if (request_.options.probe) FL_CO_CHECK(co_await each(RunStep::preparing, &StoreRun::probe));
    // No store keeps an old table while another is already new: the board would boot a mixture.
    FL_CO_CHECK(co_await each(RunStep::preparing, &StoreRun::wipe));
    FL_CO_CHECK(co_await each(RunStep::preparing, &StoreRun::clear_holes));
    reader_ = std::make_shared<Reader>(*context_.cache, request_.image->state()->id);
    for (auto& store : stores_) store->start_reading(reader_);
    FL_CO_CHECK(co_await each(RunStep::writing, &StoreRun::write));
    FL_CO_CHECK(co_await each(RunStep::verifying, &StoreRun::verify));
    // The first store of an image is the one that the board boots from: it becomes bootable last.
    std::ranges::reverse(stores_);
    Status status = co_await each(RunStep::finishing, &StoreRun::finish);
    std::ranges::reverse(stores_);
    co_return status;
  }

  asio::awaitable<Status> each(RunStep step, Step work) {
    enter(step);
    for (auto& store : stores_) {
      Status status = co_await std::invoke(work, *store);
      if (!status) co_return std::unexpected{in_context(store->report().sink.path, std::move(status).error())};
    }
    co_return Status{};
  }

  void enter(RunStep step) {
    const auto now = Clock::now();
    if (report_.reached != RunStep::waiting) {
      const auto took = std::chrono::nanoseconds{now - since_};
      if (report_.steps.empty() || report_.steps.back().step != report_.reached) {
        report_.steps.push_back({report_.reached, took});
      } else {
        report_.steps.back().took += took;
      }
    }
    since_ = now;
    report_.reached = step;
    request_.control->progress.step = step;
  }

  RunContext context_;
  RunRequest request_;
  std::vector<std::unique_ptr<StoreRun>> stores_;
  std::shared_ptr<Reader> reader_;  // one for all stores: they are written one after another
  RunReport report_;
  Clock::time_point since_;
};

}  // namespace

asio::awaitable<RunReport> run_board(RunContext context, RunRequest request) {
  BoardRun run{std::move(context), std::move(request)};
  co_return co_await run.run();
}

}  // namespace detail

Status check_board(const LoadedImage& image, const std::vector<StoreFacts>& targets, const WriteOptions& options) {
  FL_TRY(const auto plans, detail::plans_of(image, targets, options));
  return {};
}

Status check_request(const RunRequest& request) {
  return check_board(*request.image, detail::facts_of(request), request.options);
}

}  // namespace flashline::line
