#include "tests/lab/emulators/medium.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <new>
#include <sys/mman.h>

namespace flashline::lab {
namespace {

constexpr std::size_t page = 4096;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte each) { return each == std::byte{0}; });
}

}  // namespace

std::string_view name_of(MediumFault::Kind kind) {
  constexpr std::array<std::string_view, 7> names{"none",    "write-error", "read-error", "lost-write",
                                                  "bit-rot", "wrap-around", "limbo"};
  return names.at(static_cast<std::size_t>(kind));
}

Medium::Medium(std::uint64_t size, MediumFault fault) : size_{size}, fault_{fault} {
  void* const memory =
      ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  bytes_ = {static_cast<std::byte*>(memory), static_cast<std::size_t>(size_)};
}

Medium::~Medium() { ::munmap(bytes_.data(), bytes_.size()); }

bool Medium::touches(std::uint64_t at, std::size_t length) const {
  return fault_.kind != MediumFault::Kind::none && at < fault_.from + fault_.length && fault_.from < at + length;
}

bool Medium::write(std::uint64_t at, std::span<const std::byte> data) {
  written_ += data.size();
  if (!touches(at, data.size())) {
    std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    return true;
  }
  switch (fault_.kind) {
    case MediumFault::Kind::write_error:
      return false;
    case MediumFault::Kind::lost_write:
    case MediumFault::Kind::limbo:
      return true;
    case MediumFault::Kind::wrap_around:
      at %= fault_.from;
      break;
    default:
      break;
  }
  std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool Medium::read(std::uint64_t at, std::span<std::byte> into) const {
  const bool faulty = touches(at, into.size());
  if (faulty && fault_.kind == MediumFault::Kind::read_error) return false;
  if (faulty && fault_.kind == MediumFault::Kind::wrap_around) at %= fault_.from;
  std::ranges::copy(bytes_.subspan(at, into.size()), into.begin());
  if (faulty && fault_.kind == MediumFault::Kind::bit_rot) into[std::max(at, fault_.from) - at] ^= std::byte{0x10};
  return true;
}

void Medium::save(const std::filesystem::path& file) const {
  std::ofstream out{file, std::ios::binary};
  for (std::size_t at = 0; at < bytes_.size(); at += page) {
    const auto part = bytes_.subspan(at, std::min(page, bytes_.size() - at));
    if (is_zero(part)) continue;
    out.seekp(static_cast<std::streamoff>(at));
    out.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
  }
  out.close();
  std::filesystem::resize_file(file, size_);
}

}  // namespace flashline::lab
