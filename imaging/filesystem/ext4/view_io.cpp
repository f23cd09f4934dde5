#include "imaging/filesystem/ext4/view_io.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ext2fs/ext2fs.h>
#include <span>
#include <string>
#include <vector>

namespace flashline::imaging::ext4 {
namespace {

constexpr std::size_t slot_count = 256;
constexpr std::uint64_t no_block = ~std::uint64_t{0};
constexpr std::size_t zeros_at_once = 1U << 20U;

thread_local ViewIo* next_io = nullptr;

struct Slot {
  std::uint64_t block = no_block;
  bool dirty = false;
};

/// An open channel, and its cache: block n lies in slot n % slot_count.
class Channel {
 public:
  Channel(ViewIo& io, io_manager manager) : io_{io} {
    base.magic = EXT2_ET_MAGIC_IO_CHANNEL;
    base.manager = manager;
    base.name = name_.data();
    base.block_size = 1024;
    base.refcount = 1;
    base.private_data = this;
  }
  static Channel& of(io_channel channel) { return *static_cast<Channel*>(channel->private_data); }

  Status set_block_size(int size) {
    FL_CHECK(forget());
    base.block_size = size;
    cache_.assign(slot_count * block_size(), {});
    return {};
  }

  /// `count` blocks, or -count bytes.
  Status read(std::uint64_t block, int count, void* data) {
    const std::span bytes{static_cast<std::byte*>(data), length(count)};
    if (count == 1) {
      FL_TRY(const auto cached, load(block, true));
      std::ranges::copy(cached, bytes.begin());
      return {};
    }
    FL_CHECK(flush());
    return io_.view.read(place(block), bytes);
  }
  Status write(std::uint64_t block, int count, const void* data) {
    const std::span bytes{static_cast<const std::byte*>(data), length(count)};
    if (count == 1) {
      FL_TRY(const auto cached, load(block, false));
      std::ranges::copy(bytes, cached.begin());
      slots_[block % slot_count].dirty = true;
      return {};
    }
    FL_CHECK(forget());
    return io_.view.write(place(block), bytes);
  }
  Status write_bytes(std::uint64_t at, std::span<const std::byte> bytes) {
    FL_CHECK(forget());
    return io_.view.write(ByteOffset{at}, bytes);
  }
  /// A new image is zeros already, so that nearly always nothing is written.
  Status zero(std::uint64_t block, std::uint64_t count) {
    FL_CHECK(forget());
    std::vector<std::byte> bytes;
    for (std::uint64_t at = place(block).value, end = place(block + count).value; at < end; at += bytes.size()) {
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(zeros_at_once, end - at)));
      FL_CHECK(io_.view.read(ByteOffset{at}, bytes));
      if (std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{}; })) continue;
      FL_CHECK(io_.view.write(ByteOffset{at}, std::vector<std::byte>(bytes.size())));
    }
    return {};
  }
  Status flush() {
    for (Slot& slot : slots_) {
      if (slot.dirty) FL_CHECK(store(slot));
    }
    return {};
  }

  /// What libext2fs gets to hear; the reason stays in the ViewIo.
  errcode_t code_of(const Status& status) {
    if (status) return 0;
    if (io_.failure) io_.failure = status;
    return EXT2_ET_SHORT_WRITE;
  }

  struct_io_channel base{};

 private:
  std::size_t block_size() const { return static_cast<std::size_t>(base.block_size); }
  std::size_t length(int count) const {
    return count < 0 ? static_cast<std::size_t>(-count) : static_cast<std::size_t>(count) * block_size();
  }
  ByteOffset place(std::uint64_t block) const { return ByteOffset{block * block_size()}; }
  std::span<std::byte> bytes_of(const Slot& slot) {
    const auto index = static_cast<std::size_t>(&slot - slots_.data());
    return std::span{cache_}.subspan(index * block_size(), block_size());
  }
  Status store(Slot& slot) {
    slot.dirty = false;
    return io_.view.write(place(slot.block), bytes_of(slot));
  }
  Result<std::span<std::byte>> load(std::uint64_t block, bool read) {
    if (cache_.empty()) cache_.assign(slot_count * block_size(), {});
    Slot& slot = slots_[block % slot_count];
    if (slot.block == block) return bytes_of(slot);
    if (slot.dirty) FL_CHECK(store(slot));
    slot.block = no_block;
    if (read) FL_CHECK(io_.view.read(place(block), bytes_of(slot)));
    slot.block = block;
    return bytes_of(slot);
  }
  Status forget() {
    FL_CHECK(flush());
    slots_.fill({});
    return {};
  }

  ViewIo& io_;
  std::string name_ = "image";
  std::array<Slot, slot_count> slots_{};
  std::vector<std::byte> cache_;
};

errcode_t close(io_channel channel) {
  if (--channel->refcount > 0) return 0;
  Channel* const self = &Channel::of(channel);
  const errcode_t code = self->code_of(self->flush());
  delete self;
  return code;
}
errcode_t set_block_size(io_channel channel, int size) {
  Channel& self = Channel::of(channel);
  return self.code_of(self.set_block_size(size));
}
errcode_t read64(io_channel channel, unsigned long long block, int count, void* data) {
  Channel& self = Channel::of(channel);
  return self.code_of(self.read(block, count, data));
}
errcode_t write64(io_channel channel, unsigned long long block, int count, const void* data) {
  Channel& self = Channel::of(channel);
  return self.code_of(self.write(block, count, data));
}
errcode_t read32(io_channel channel, unsigned long block, int count, void* data) {
  return read64(channel, block, count, data);
}
errcode_t write32(io_channel channel, unsigned long block, int count, const void* data) {
  return write64(channel, block, count, data);
}
errcode_t write_bytes(io_channel channel, unsigned long at, int count, const void* data) {
  Channel& self = Channel::of(channel);
  const std::span bytes{static_cast<const std::byte*>(data), static_cast<std::size_t>(count)};
  return self.code_of(self.write_bytes(at, bytes));
}
errcode_t flush(io_channel channel) {
  Channel& self = Channel::of(channel);
  return self.code_of(self.flush());
}
errcode_t zero(io_channel channel, unsigned long long block, unsigned long long count) {
  Channel& self = Channel::of(channel);
  return self.code_of(self.zero(block, count));
}
errcode_t open(const char* name, int flags, io_channel* channel);

struct_io_manager make_manager() {
  struct_io_manager manager{};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "view";
  manager.open = open;
  manager.close = close;
  manager.set_blksize = set_block_size;
  manager.read_blk = read32;
  manager.write_blk = write32;
  manager.flush = flush;
  manager.write_byte = write_bytes;
  manager.read_blk64 = read64;
  manager.write_blk64 = write64;
  manager.zeroout = zero;
  return manager;
}

struct_io_manager the_manager = make_manager();

errcode_t open(const char* /*name*/, int /*flags*/, io_channel* channel) {
  *channel = &(new Channel{*next_io, &the_manager})->base;
  return 0;
}

}  // namespace

struct_io_manager* manager_for(ViewIo& io) {
  next_io = &io;
  return &the_manager;
}

}  // namespace flashline::imaging::ext4
