// Android sparse images: the plan of a file and the stream of the same bytes agree, or both refuse.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "imaging/source/android_sparse.h"
#include "imaging/source/plan_view.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

constexpr std::uint64_t largest_read = 1_MiB;

class Bytes final : public ByteStream {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_{bytes} {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size());
    std::ranges::copy(bytes_.first(count), out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// The expanded image; empty when the stream fails.
std::vector<std::byte> expanded(std::span<const std::byte> bytes) {
  auto sparse = expand_sparse(std::make_unique<Bytes>(bytes));
  if (!sparse || sparse->size.value > largest_read) return {};
  std::vector<std::byte> image;
  std::vector<std::byte> piece(5000);
  for (;;) {
    const auto got = sparse->stream->read(piece);
    if (!got || image.size() + *got > sparse->size.value) return {};
    if (*got == 0) return image;
    image.insert(image.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

void check_places(const BlockPlan& plan) {
  for (const auto& phase : plan.phases) {
    for (const auto& run : phase.runs) {
      if (!resolve(run.place, run.length, plan.needs.min_size)) std::abort();
      if (run.source == Run::Source::blob && run.skip + run.length.value > plan.blobs.at(run.from).size()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  const FileHandle file{::memfd_create("sparse", MFD_CLOEXEC)};
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto planned = plan_sparse(file.get(), ByteCount{size});
  const auto image = expanded(bytes);
  if (!planned) return 0;
  const BlockPlan& plan = planned->plan;
  check_places(plan);
  if (plan.needs.min_size.value > largest_read) return 0;
  const auto placed = resolved(plan, plan.needs.min_size);
  if (!placed || image.size() != plan.needs.min_size.value) std::abort();
  PlanView view{*placed, content_of(file.get(), ByteCount{size}), plan.needs.min_size};
  std::vector<std::byte> disk(image.size());
  if (!view.read(ByteOffset{0}, disk) || disk != image) std::abort();
  return 0;
}
