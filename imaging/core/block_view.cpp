#include "imaging/core/block_view.h"

#include <algorithm>
#include <string>

#include "imaging/core/errors/image.h"

namespace flashline {
namespace {

Status check_inside(ByteCount size, ByteOffset at, std::size_t count) {
  const auto end = end_of(at, ByteCount{count});
  if (end && end->value <= size.value) return {};
  return fail(errc::image_read, std::to_string(count) + " bytes at offset " + std::to_string(at.value) +
                                    " lie outside of the " + std::to_string(size.value) + " bytes there are");
}

}  // namespace

Status SubView::check(ByteOffset at, std::size_t count) const { return check_inside(length_, at, count); }

Status SubView::read(ByteOffset at, std::span<std::byte> out) {
  FL_CHECK(check(at, out.size()));
  return view_.read(ByteOffset{start_.value + at.value}, out);
}

Status SubView::write(ByteOffset at, std::span<const std::byte> bytes) {
  FL_CHECK(check(at, bytes.size()));
  return view_.write(ByteOffset{start_.value + at.value}, bytes);
}

Status CowView::read(ByteOffset at, std::span<std::byte> out) {
  FL_CHECK(check_inside(size(), at, out.size()));
  while (!out.empty()) {
    const std::uint64_t number = at.value / page_size;
    const std::size_t skip = static_cast<std::size_t>(at.value % page_size);
    const std::size_t count = std::min(out.size(), page_size - skip);
    if (const auto changed = pages_.find(number); changed != pages_.end()) {
      std::ranges::copy(std::span{changed->second}.subspan(skip, count), out.begin());
    } else {
      FL_CHECK(base_.read(at, out.first(count)));
    }
    out = out.subspan(count);
    at.value += count;
  }
  return {};
}

Result<std::vector<std::byte>*> CowView::page(std::uint64_t number) {
  if (const auto found = pages_.find(number); found != pages_.end()) return &found->second;
  const std::uint64_t start = number * page_size;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(page_size, size().value - start)));
  FL_CHECK(base_.read(ByteOffset{start}, bytes));
  return &pages_.emplace(number, std::move(bytes)).first->second;
}

Status CowView::write(ByteOffset at, std::span<const std::byte> bytes) {
  FL_CHECK(check_inside(size(), at, bytes.size()));
  while (!bytes.empty()) {
    const std::size_t skip = static_cast<std::size_t>(at.value % page_size);
    const std::size_t count = std::min(bytes.size(), page_size - skip);
    FL_TRY(auto* const changed, page(at.value / page_size));
    std::ranges::copy(bytes.first(count), std::span{*changed}.subspan(skip).begin());
    bytes = bytes.subspan(count);
    at.value += count;
  }
  return {};
}

}  // namespace flashline
