#include "imaging/package/cab_packer.h"

#include <algorithm>
#include <libgcab.h>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/package.h"
#include "imaging/package/cab_structure.h"
#include "imaging/source/file_view.h"

namespace flashline::imaging::cab {
namespace {

/// Whole blocks; large enough that a thread is worth it, small enough that a few of them are little memory.
constexpr std::size_t piece_size = std::size_t{64} * block_size;

struct Unref {
  void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;
struct FreeBytes {
  void operator()(GBytes* bytes) const noexcept { g_bytes_unref(bytes); }
};
using Bytes = std::unique_ptr<GBytes, FreeBytes>;
struct FreeError {
  void operator()(GError* error) const noexcept { g_error_free(error); }
};

std::unexpected<Error> failed(GError* error) {
  const std::unique_ptr<GError, FreeError> owned{error};
  return fail(errc::cab_write, error != nullptr ? error->message : "libgcab gives no reason");
}

/// A whole cabinet of one folder and one member. `bytes` outlive it.
Result<Bytes> cabinet_of(std::span<const std::byte> bytes, std::uint16_t packing) {
  const Bytes content{g_bytes_new_static(bytes.data(), bytes.size())};
  const Object<GCabFile> file{gcab_file_new_with_bytes("piece", content.get())};
  const Object<GCabFolder> folder{gcab_folder_new(packing)};
  const Object<GCabCabinet> cabinet{gcab_cabinet_new()};
  const Object<GOutputStream> out{g_memory_output_stream_new_resizable()};
  GError* error = nullptr;
  const bool done = gcab_folder_add_file(folder.get(), file.get(), FALSE, nullptr, &error) != FALSE &&
                    gcab_cabinet_add_folder(cabinet.get(), folder.get(), &error) != FALSE &&
                    gcab_cabinet_write_simple(cabinet.get(), out.get(), nullptr, nullptr, nullptr, &error) != FALSE &&
                    g_output_stream_close(out.get(), nullptr, &error) != FALSE;
  if (!done) return failed(error);
  return Bytes{g_memory_output_stream_steal_as_bytes(reinterpret_cast<GMemoryOutputStream*>(out.get()))};
}

Result<std::vector<std::byte>> pack(std::vector<std::byte> piece, std::uint16_t packing) {
  FL_TRY(const Bytes cabinet, cabinet_of(piece, packing));
  gsize size = 0;
  const auto* data = static_cast<const std::byte*>(g_bytes_get_data(cabinet.get(), &size));
  const std::span<const std::byte> bytes{data, size};
  MemoryView view{bytes};
  FL_TRY(const Structure structure, read_structure(view));
  if (structure.folders.size() != 1 || structure.folders.front().first_block > size) {
    return fail(errc::cab_write, "libgcab made no cabinet of one folder");
  }
  const auto blocks = bytes.subspan(structure.folders.front().first_block);
  return std::vector<std::byte>{blocks.begin(), blocks.end()};
}

}  // namespace

Packer::Packer(unsigned threads, Sink sink) : threads_{std::max(threads, 1U)}, sink_{std::move(sink)} {}

Packer::~Packer() = default;

Status Packer::begin(std::size_t folder, std::uint16_t packing) {
  FL_CHECK(start_piece());
  folder_ = folder;
  packing_ = packing;
  return {};
}

Status Packer::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    piece_.reserve(piece_size);
    const auto part = bytes.first(std::min(bytes.size(), piece_size - piece_.size()));
    piece_.insert(piece_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (piece_.size() == piece_size) FL_CHECK(start_piece());
  }
  return {};
}

Status Packer::finish() {
  FL_CHECK(start_piece());
  while (!running_.empty()) FL_CHECK(take_oldest());
  return {};
}

Status Packer::start_piece() {
  if (piece_.empty()) return {};
  // Pieces take their own time each: with more of them than threads no core waits for the oldest.
  if (running_.size() == std::size_t{2} * threads_) FL_CHECK(take_oldest());
  running_.push_back({folder_, std::async(std::launch::async, pack, std::exchange(piece_, {}), packing_)});
  return {};
}

Status Packer::take_oldest() {
  Running oldest = std::move(running_.front());
  running_.pop_front();
  FL_TRY(const std::vector<std::byte> blocks, oldest.blocks.get());
  return sink_(oldest.folder, blocks);
}

}  // namespace flashline::imaging::cab
