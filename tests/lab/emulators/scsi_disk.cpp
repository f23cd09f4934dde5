#include "tests/lab/emulators/scsi_disk.h"

#include <algorithm>

namespace flashline::lab {
namespace {

enum Op : std::uint8_t {
  test_unit_ready = 0x00,
  request_sense = 0x03,
  inquiry_op = 0x12,
  mode_sense_6 = 0x1a,
  start_stop = 0x1b,
  prevent_removal = 0x1e,
  read_capacity_10 = 0x25,
  read_10 = 0x28,
  write_10 = 0x2a,
  synchronize_cache = 0x35,
  mode_sense_10 = 0x5a,
  read_16 = 0x88,
  write_16 = 0x8a,
  service_action_in = 0x9e,
};
enum Key : std::uint8_t {
  not_ready_key = 2,
  medium_error = 3,
  illegal_request = 5,
  unit_attention = 6,
  data_protect = 7
};
constexpr std::uint8_t read_capacity_16 = 0x10;

std::uint64_t big(std::span<const std::byte> bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t each = 0; each < count; ++each)
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[at + each]);
  return value;
}

void put_big(Bytes& bytes, std::size_t at, std::size_t count, std::uint64_t value) {
  for (std::size_t each = count; each-- > 0; value >>= 8U) bytes[at + each] = static_cast<std::byte>(value & 0xffU);
}

void put_text(Bytes& bytes, std::size_t at, std::size_t width, const std::string& text) {
  for (std::size_t each = 0; each < width; ++each) {
    bytes[at + each] = static_cast<std::byte>(each < text.size() ? text[each] : ' ');
  }
}

std::uint8_t op_of(std::span<const std::byte> command) { return std::to_integer<std::uint8_t>(command[0]); }
bool is_large(std::uint8_t op) { return op == read_16 || op == write_16; }

struct Range {
  std::uint64_t sector;
  std::uint64_t count;
};
Range range_of(std::span<const std::byte> command) {
  if (is_large(op_of(command))) return {big(command, 2, 8), big(command, 10, 4)};
  return {big(command, 2, 4), big(command, 7, 2)};
}

}  // namespace

ScsiReply ScsiDisk::refused(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
  last_ = {key, code, qualifier, {}};
  return last_;
}

/// Key 0 when the medium can be used.
ScsiReply ScsiDisk::not_ready() {
  if (!medium_) return refused(not_ready_key, 0x3a);
  if (std::exchange(changed_, false)) return refused(unit_attention, 0x28);
  return {};
}

ScsiReply ScsiDisk::inquiry(std::span<const std::byte> command) const {
  Bytes data(36);
  data[1] = plan_.removable ? std::byte{0x80} : std::byte{0};
  data[2] = std::byte{6};
  data[3] = std::byte{2};
  data[4] = std::byte{31};
  put_text(data, 8, 8, plan_.vendor);
  put_text(data, 16, 16, plan_.product);
  put_text(data, 32, 4, plan_.revision);
  data.resize(std::min<std::size_t>(data.size(), big(command, 3, 2)));
  return {.data = std::move(data)};
}

ScsiReply ScsiDisk::sense() {
  Bytes data(18);
  data[0] = std::byte{0x70};
  data[2] = std::byte{last_.key};
  data[7] = std::byte{10};
  data[12] = std::byte{last_.code};
  data[13] = std::byte{last_.qualifier};
  last_ = {};
  return {.data = std::move(data)};
}

ScsiReply ScsiDisk::capacity(bool large) {
  const std::uint64_t last = medium_->size() / plan_.sector - 1;
  Bytes data(large ? 32 : 8);
  put_big(data, 0, large ? 8 : 4, large ? last : std::min<std::uint64_t>(last, 0xffffffff));
  put_big(data, large ? 8 : 4, 4, plan_.sector);
  return {.data = std::move(data)};
}

ScsiReply ScsiDisk::mode_sense(bool large) const {
  Bytes data(large ? 8 : 4);
  put_big(data, 0, large ? 2 : 1, data.size() - (large ? 2 : 1));
  if (plan_.write_protected) data[large ? 3 : 2] = std::byte{0x80};
  return {.data = std::move(data)};
}

ScsiReply ScsiDisk::read(std::span<const std::byte> command) {
  const auto [sector, count] = range_of(command);
  if ((sector + count) * plan_.sector > medium_->size()) return refused(illegal_request, 0x21);
  Bytes data(static_cast<std::size_t>(count * plan_.sector));
  if (!medium_->read(sector * plan_.sector, data)) return refused(medium_error, 0x11);
  return {.data = std::move(data)};
}

ScsiReply ScsiDisk::write(std::span<const std::byte> command, std::span<const std::byte> data) {
  const auto [sector, count] = range_of(command);
  if (plan_.write_protected) return refused(data_protect, 0x27);
  if ((sector + count) * plan_.sector > medium_->size()) return refused(illegal_request, 0x21);
  if (data.size() < count * plan_.sector) return refused(illegal_request, 0x24);
  return medium_->write(sector * plan_.sector, data) ? ScsiReply{} : refused(medium_error, 0x0c);
}

ScsiReply ScsiDisk::run(std::span<const std::byte> command, std::span<const std::byte> data) {
  switch (op_of(command)) {
    case inquiry_op:
      return (op_of(command.subspan(1)) & 1U) != 0 ? refused(illegal_request, 0x24) : inquiry(command);
    case request_sense:
      return sense();
    case mode_sense_6:
      return mode_sense(false);
    case mode_sense_10:
      return mode_sense(true);
    case prevent_removal:
      return {};
    case start_stop:
      if ((op_of(command.subspan(4)) & 3U) == 2) eject();
      return {};
    default:
      break;
  }
  if (auto why = not_ready(); why.key != 0) return why;
  switch (op_of(command)) {
    case test_unit_ready:
    case synchronize_cache:
      return {};
    case read_capacity_10:
      return capacity(false);
    case service_action_in:
      return (op_of(command.subspan(1)) & 0x1fU) == read_capacity_16 ? capacity(true) : refused(illegal_request, 0x20);
    case read_10:
    case read_16:
      return read(command);
    case write_10:
    case write_16:
      return write(command, data);
    default:
      return refused(illegal_request, 0x20);
  }
}

void ScsiDisk::insert(std::shared_ptr<Medium> medium) {
  medium_ = std::move(medium);
  changed_ = true;
}

void ScsiDisk::eject() {
  medium_.reset();
  changed_ = false;
}

}  // namespace flashline::lab
