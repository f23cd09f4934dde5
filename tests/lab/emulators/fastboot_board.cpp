#include "tests/lab/emulators/fastboot_board.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <spdlog/fmt/fmt.h>
#include <sstream>

#include "imaging/core/crc32.h"
#include "imaging/core/digest.h"

namespace flashline::lab {
namespace {

using Do = FastbootMischief::Do;

constexpr std::uint8_t in_endpoint = 1;
constexpr std::uint8_t out_endpoint = 1;
constexpr std::size_t piece = 1024 * 1024;

Descriptors described(const FastbootBoardPlan& plan) {
  const std::uint16_t packet = plan.speed == transport::UsbSpeed::super  ? 1024
                               : plan.speed == transport::UsbSpeed::full ? 64
                                                                         : 512;
  const EndpointPlan in{0x80 | in_endpoint, 2, packet};
  const EndpointPlan out{out_endpoint, 2, packet};
  const bool pi = plan.flavour == FastbootBoardPlan::Flavour::pi_gadget;
  return describe({.vendor = plan.vendor,
                   .product = plan.product,
                   .manufacturer_index = 1,
                   .product_index = 2,
                   .serial_index = 3,
                   .strings = {{1, pi ? "Raspberry Pi" : "U-Boot"}, {2, "fastboot"}, {3, plan.serial}},
                   .interfaces = {{.subclass = 0x42,
                                   .protocol = 0x03,
                                   .endpoints = plan.in_first ? std::vector{in, out} : std::vector{out, in}}},
                   .speed = plan.speed});
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string{text}};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::optional<std::uint64_t> hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// A little-endian number; 0 past the end.
std::uint32_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
    value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

bool takes(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

}  // namespace

FastbootBoard::FastbootBoard(FastbootBoardPlan plan) : plan_{std::move(plan)}, descriptors_{described(plan_)} {}

void FastbootBoard::reset() {
  replies_.clear();
  staged_.clear();
  awaited_ = 0;
  endless_ = silent_ = false;
}

Reply FastbootBoard::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  if (endpoint != out_endpoint || silent_) return Reply::nothing_yet();
  if (awaited_ == 0) {
    if (!data.empty()) run(text_of(data));
    return leaves() ? Reply::broken() : Reply::take(data.size());
  }
  if (data.size() > awaited_) return Reply::refuse();
  staged_.insert(staged_.end(), data.begin(), data.end());
  awaited_ -= data.size();
  if (awaited_ == 0) say("OKAY");
  return Reply::take(data.size());
}

Reply FastbootBoard::in(std::uint8_t endpoint, std::size_t most) {
  if (endpoint != in_endpoint || silent_) return Reply::nothing_yet();
  if (endless_) return Reply::answer(bytes_of("INFOstill at it"));
  if (replies_.empty()) return Reply::nothing_yet();
  Bytes reply = bytes_of(replies_.front());
  replies_.pop_front();
  reply.resize(std::min(reply.size(), most));
  if (replies_.empty() && !commands_.empty() && commands_.back().starts_with("reboot")) leave();
  return Reply::answer(std::move(reply));
}

bool FastbootBoard::misbehave(std::string_view command) {
  for (const auto& each : plan_.mischief) {
    if (!command.starts_with(each.on)) continue;
    const unsigned count = ++counted_[fmt::format("{}/{}/{}", each.on, each.nth, static_cast<int>(each.what))];
    if (each.nth != 0 && each.nth != count) continue;
    switch (each.what) {
      case Do::fail:
        say("FAIL" + each.text);
        return true;
      case Do::wrong_length:
        say("DATA00001000");
        return true;
      case Do::endless_lines:
        endless_ = true;
        return true;
      case Do::silence:
        silent_ = true;
        return true;
      case Do::leave:
        leave();
        return true;
      case Do::lie:
        staged_.clear();
        say("OKAY");
        return true;
      case Do::flip:
        spoil_ = Do::flip;
        return false;
    }
  }
  return false;
}

void FastbootBoard::run(std::string_view command) {
  commands_.emplace_back(command);
  if (misbehave(command)) return;
  if (takes(command, "getvar:")) return getvar(command);
  if (takes(command, "download:")) {
    const auto size = hex(command);
    const auto most = hex(plan_.max_download.starts_with("0x") ? plan_.max_download : "40000000");
    if (!size || command.size() != 8 || *size == 0 || *size > *most) return say("FAILdata too large");
    staged_.clear();
    awaited_ = static_cast<std::size_t>(*size);
    return say(fmt::format("DATA{:08x}", *size));
  }
  if (takes(command, "flash:")) return flash(command);
  if (takes(command, "erase:")) return erase(command);
  if (takes(command, "oem ")) return oem(command);
  if (plan_.flavour == FastbootBoardPlan::Flavour::u_boot && takes(command, "UCmd:")) return u_boot(command);
  if (command.starts_with("reboot") || command == "continue") return say("OKAY");
  say("FAILunknown command");
}

std::string FastbootBoard::variable(std::string_view name) const {
  const bool pi = plan_.flavour == FastbootBoardPlan::Flavour::pi_gadget;
  if (const auto found = plan_.variables.find(std::string{name}); found != plan_.variables.end()) return found->second;
  if (name == "version") return "0.4";
  if (name == "serialno") return plan_.serial;
  if (name == "max-download-size") return plan_.max_download;
  if (name == "product") return pi ? "rpi" : "imx";
  if (pi && name == "mmc-sector-count") return std::to_string(plan_.capacity / plan_.sector_size);
  if (pi && name == "mmc-sector-size") return std::to_string(plan_.sector_size);
  if (pi && name == "mmc-cid") return "150100303030303030a1b2c3d4e5f600";
  if (pi && name == "block-devices") return plan_.partition;
  if (!pi && name == "logical-block-size") return fmt::format("{:#x}", plan_.sector_size);
  if (takes(name, "partition-size:")) {
    if (name != plan_.partition) return {};
    return fmt::format("{:#018x}", plan_.size_in_sectors ? plan_.capacity / plan_.sector_size : plan_.capacity);
  }
  if (name.starts_with("is-logical:") || name.starts_with("has-slot:")) return "no";
  if (name.starts_with("partition-type:")) return "raw";
  return {};
}

void FastbootBoard::getvar(std::string_view name) {
  if (name == "all") {
    for (const char* each : {"version", "product", "serialno", "max-download-size"}) {
      say(fmt::format("INFO{}:{}", each, variable(each)));
    }
    return say("OKAY");
  }
  const std::string value = variable(name);
  say(value.empty() ? "FAILunknown variable" : "OKAY" + value);
}

bool FastbootBoard::refuses(std::string_view partition) {
  if (partition == plan_.partition) return false;
  say("FAILno such partition");
  return true;
}

void FastbootBoard::put(std::uint64_t at, std::span<const std::byte> bytes) {
  if (spoil_ == Do::flip && !bytes.empty()) {
    Bytes other{bytes.begin(), bytes.end()};
    other[other.size() / 2] ^= std::byte{1};
    spoil_.reset();
    return medium_.write(at, other);
  }
  medium_.write(at, bytes);
}

void FastbootBoard::flash(std::string_view partition) {
  if (refuses(partition)) return;
  if (staged_.empty()) return say("FAILnothing was downloaded");
  const Bytes data = std::exchange(staged_, {});
  std::string wrong;
  if (number(data, 0, 4) == 0xED26FF3A) {
    wrong = write_sparse(data);
  } else if (data.size() > plan_.capacity) {
    wrong = "image is larger than the device";
  } else {
    put(0, data);
  }
  spoil_.reset();
  say(wrong.empty() ? "OKAY" : "FAIL" + wrong);
}

// After the format's own description; shares nothing with what the station writes and reads.
std::string FastbootBoard::write_sparse(std::span<const std::byte> file) {
  const std::uint32_t block = number(file, 12, 4);
  const std::uint64_t total = number(file, 16, 4);
  if (file.size() < 28 || number(file, 4, 2) != 1 || number(file, 8, 2) != 28 || number(file, 10, 2) != 12) {
    return "sparse header";
  }
  if (block == 0 || block % 4 != 0 || total * block > plan_.capacity) return "expanded size is larger than the device";
  std::uint64_t done = 0;
  std::size_t at = 28;
  for (std::uint32_t chunk = 0; chunk < number(file, 20, 4); ++chunk) {
    if (file.size() - at < 12) return "chunk header is cut";
    const std::uint32_t type = number(file, at, 2);
    const std::uint64_t blocks = number(file, at + 4, 4);
    const std::uint64_t size = number(file, at + 8, 4);
    if (size < 12 || size > file.size() - at || blocks > total - done) return "chunk leaves the image";
    const auto body = file.subspan(at + 12, static_cast<std::size_t>(size - 12));
    if (type == 0xCAC1) {
      if (body.size() != blocks * block) return "raw chunk of another size";
      put(done * block, body);
    } else if (type == 0xCAC2) {
      if (body.size() != 4) return "fill chunk of another size";
      Bytes pattern(std::min<std::uint64_t>(piece, blocks * block));
      for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = body[i % 4];
      for (std::uint64_t filled = 0; filled < blocks * block; filled += pattern.size()) {
        put(done * block + filled, std::span{pattern}.first(static_cast<std::size_t>(
                                       std::min<std::uint64_t>(pattern.size(), blocks * block - filled))));
      }
    } else if (type != 0xCAC3 || !body.empty()) {
      return "unknown chunk";
    }
    done += blocks;
    at += static_cast<std::size_t>(size);
  }
  return done == total && at == file.size() ? "" : "image is not what its header says";
}

void FastbootBoard::erase(std::string_view partition) {
  if (refuses(partition)) return;
  if (!plan_.erase_works) return say("FAILdiscard is not supported");
  medium_.clear();
  say("OKAY");
}

void FastbootBoard::oem(std::string_view words) {
  const bool pi = plan_.flavour == FastbootBoardPlan::Flavour::pi_gadget;
  if (pi && takes(words, "bmap-load ")) return bmap_load(words);
  if (pi && takes(words, "bmap-verify ")) return bmap_verify(words);
  if (pi && words.starts_with("led ")) return say("OKAY");
  say("FAILunknown oem command");
}

void FastbootBoard::bmap_load(std::string_view partition) {
  if (refuses(partition)) return;
  map_ = std::exchange(staged_, {});
  if (number(map_, 0, 4) != plan_.bmap_magic) return say("FAILbad magic");
  const std::uint32_t block = number(map_, 4, 4);
  if (block == 0 || (block & (block - 1)) != 0) return say("FAILbad block size");
  if (map_.size() != 16 + 40ULL * number(map_, 8, 4)) return say("FAILbad size");
  say("OKAY");
}

void FastbootBoard::bmap_verify(std::string_view partition) {
  if (refuses(partition)) return;
  if (map_.empty()) return say("FAILno map");
  const std::uint64_t block = number(map_, 4, 4);
  for (std::uint32_t range = 0; range < number(map_, 8, 4); ++range) {
    const std::size_t at = 16 + 40ULL * range;
    const std::uint64_t first = number(map_, at, 4);
    const std::uint64_t last = number(map_, at + 4, 4);
    if (last < first || (last + 1) * block > plan_.capacity) return say("FAILrange is outside of the device");
    Sha256Stream stream;
    for (std::uint64_t from = first * block; from < (last + 1) * block;) {
      const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(piece, (last + 1) * block - from));
      stream.update(medium_.read(from, count));
      from += count;
    }
    const std::string expected = to_hex(std::span{map_}.subspan(at + 8, 32));
    const std::string actual = to_hex(stream.finish());
    if (expected != actual) return say(fmt::format("FAIL{}:{}:{}", range, expected, actual));
    say(fmt::format("INFOrange {} is right", range));
  }
  say("OKAY");
}

void FastbootBoard::u_boot(std::string_view words) {
  const auto parts = words_of(words);
  if (parts.size() == 5 && parts[0] == "mmc" && parts[1] == "read") return u_boot_read(parts);
  if (parts.size() == 5 && parts[0] == "crc32" && parts[1] == "-v") return u_boot_crc(parts);
  if (parts.size() >= 2 && (parts[0] == "setenv" || parts[0] == "mmc")) return say("OKAY");
  say("FAILunknown U-Boot command");
}

void FastbootBoard::u_boot_read(const std::vector<std::string>& words) {
  const auto first = hex(words[3]);
  const auto count = hex(words[4]);
  if (words[2] != "${loadaddr}" || !first || !count || (*first + *count) * plan_.sector_size > plan_.capacity) {
    return say("FAILmmc read");
  }
  u_boot_memory_ = medium_.read(*first * plan_.sector_size, static_cast<std::size_t>(*count * plan_.sector_size));
  say("OKAY");
}

void FastbootBoard::u_boot_crc(const std::vector<std::string>& words) {
  const auto length = hex(words[3]);
  const auto expected = hex(words[4]);
  if (words[2] != "${loadaddr}" || !length || !expected || *length > u_boot_memory_.size()) return say("FAILcrc32");
  const std::uint32_t sum = crc32(std::span{u_boot_memory_}.first(static_cast<std::size_t>(*length)));
  say(sum == *expected ? "OKAY" : "FAIL");
}

}  // namespace flashline::lab
