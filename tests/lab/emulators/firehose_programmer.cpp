#include "tests/lab/emulators/firehose_programmer.h"

#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/digest.h"

namespace flashline::lab {
namespace {

constexpr std::uint64_t most_of_a_piece = 1024 * 1024;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view taken(std::string_view& text, std::size_t count) {
  const auto part = text.substr(0, count);
  text.remove_prefix(std::min(count, text.size()));
  return part;
}

std::string with_quotes_escaped(std::string_view text) {
  std::string escaped;
  for (const char letter : text) escaped += letter == '"' ? std::string{"&quot;"} : std::string(1, letter);
  return escaped;
}

}  // namespace

FirehoseProgrammer::FirehoseProgrammer(FirehosePlan plan)
    : plan_{std::move(plan)},
      descriptors_{describe(
          {.vendor = 0x05c6,
           .product = 0x9008,
           .product_index = 2,
           .strings = {{2, "QHSUSB__BULK"}},
           .interfaces = {{.class_code = 0xff, .subclass = 0xff, .protocol = 0xff, .endpoints = {{0x81}, {0x01}}}}})} {
  log("Host's payload to target size is too large");
  log("logbuf@0x08060C58 fh@0x08058948");
}

void FirehoseProgrammer::document(std::string_view element) {
  const std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n{} /></data>", element);
  const auto bytes = std::as_bytes(std::span{text});
  say({bytes.begin(), bytes.end()});
}

void FirehoseProgrammer::log(std::string_view line) {
  document(fmt::format("<log value=\"{}\"", plan_.escapes ? with_quotes_escaped(line) : std::string{line}));
}

void FirehoseProgrammer::respond(bool ack, std::string_view more) {
  document(fmt::format("<response value=\"{}\"{}", ack ? "ACK" : "NAK", more));
  if (plan_.logs_late) log("INFO: end of handler");
}

/// The first element inside of <data>, with its attributes: enough for what hosts send.
void FirehoseProgrammer::command(std::string_view text) {
  const auto data = text.find("<data>");
  const auto open = data == std::string_view::npos ? data : text.find('<', data + 1);
  if (open == std::string_view::npos) {
    log("ERROR: XML not formed correctly");
    respond(false);
    return;
  }
  auto rest = text.substr(open + 1);
  const auto verb = taken(rest, rest.find_first_of(" />"));
  Attributes attributes;
  for (;;) {
    taken(rest, std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    if (rest.empty() || rest.front() == '/' || rest.front() == '>') break;
    const auto name = taken(rest, rest.find('='));
    taken(rest, 2);
    attributes[std::string{name}] = taken(rest, rest.find('"'));
    taken(rest, 1);
  }
  carry_out(verb, attributes);
}

void FirehoseProgrammer::carry_out(std::string_view verb, const Attributes& attributes) {
  if (verb == "configure") return configure(attributes);
  if (verb == "getstorageinfo") return storage_info();
  if (verb == "nop" || verb == "setbootablestoragedrive") return respond(true);
  if (verb == "power") {
    commands_ += "power\n";
    restarting_ = true;
    return respond(true);
  }
  const bool known = verb == "program" || verb == "erase" || (verb == "read" && plan_.reads) ||
                     (verb == "getsha256digest" && plan_.digests);
  if (known) return sectors(verb, attributes);
  log(fmt::format("ERROR: Unrecognized command '{}'", verb));
  respond(false);
}

void FirehoseProgrammer::configure(const Attributes& attributes) {
  const auto found = attributes.find("MaxPayloadSizeToTargetInBytes");
  const std::uint64_t wanted = found == attributes.end() ? 0 : number(found->second);
  const auto memory = attributes.find("MemoryName");
  if (memory == attributes.end() || (memory->second != "emmc" && memory->second != "eMMC")) {
    log("ERROR: Only MemoryName emmc is supported");
    return respond(false);
  }
  const std::uint64_t agreed = std::min<std::uint64_t>(wanted, plan_.max_payload);
  const bool refuses = wanted > plan_.max_payload && plan_.naks_large_payload;
  respond(!refuses,
          fmt::format(" MinVersionSupported=\"1\" MemoryName=\"eMMC\" MaxPayloadSizeFromTargetInBytes=\"4096\" "
                      "MaxPayloadSizeToTargetInBytes=\"{}\" MaxPayloadSizeToTargetInBytesSupported=\"{}\" "
                      "MaxXMLSizeInBytes=\"4096\" Version=\"1\" TargetName=\"8916\"",
                      agreed, plan_.max_payload));
}

void FirehoseProgrammer::storage_info() {
  log(fmt::format("INFO: Device Total Logical Blocks: {:#x}", plan_.sectors));
  log(fmt::format("INFO: Device Block Size in Bytes: {:#x}", plan_.sector_size));
  log(fmt::format(
      "INFO: {{\"storage_info\": {{\"total_blocks\":{}, \"block_size\":{}, \"page_size\":512, \"num_physical\":4, "
      "\"manufacturer_id\":19, \"serial_num\":{}, \"fw_version\":\"1\",\"mem_type\":\"eMMC\",\"prod_name\":\"{}\"}}}}",
      plan_.sectors, plan_.sector_size, plan_.serial, plan_.product));
  respond(true, " rawmode=\"false\"");
}

void FirehoseProgrammer::sectors(std::string_view verb, const Attributes& attributes) {
  const auto value = [&](std::string_view name) {
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::uint64_t{0} : number(found->second);
  };
  const std::uint64_t first = value("start_sector");
  std::uint64_t count = value("num_partition_sectors");
  if (verb == "erase" && count == 0) count = plan_.sectors - first;
  commands_ += fmt::format("{} {}+{}\n", verb, first, count);
  if (value("SECTOR_SIZE_IN_BYTES") != plan_.sector_size || count == 0 || first > plan_.sectors ||
      count > plan_.sectors - first) {
    log("ERROR: range is outside of the device");
    return respond(false);
  }
  if (verb == "program") {
    bad_ = plan_.bad_sector >= first && plan_.bad_sector < first + count;
    raw_at_ = first * plan_.sector_size;
    raw_left_ = count * plan_.sector_size;
    return respond(true, " rawmode=\"true\"");
  }
  if (verb == "read") return read_out(first, count);
  if (verb == "getsha256digest") return digest(first, count);
  const Bytes zeros(plan_.sector_size);
  for (std::uint64_t sector = first; count < 65536 && sector < first + count; ++sector)
    medium_.write(sector * plan_.sector_size, zeros);
  if (count >= 65536) medium_.clear();
  respond(true, " rawmode=\"false\"");
}

void FirehoseProgrammer::read_out(std::uint64_t first, std::uint64_t count) {
  document("<response value=\"ACK\" rawmode=\"true\"");
  for (std::uint64_t left = count * plan_.sector_size, at = first * plan_.sector_size; left > 0;) {
    const std::uint64_t piece = std::min(left, most_of_a_piece);
    say(medium_.read(at, static_cast<std::size_t>(piece)));
    at += piece;
    left -= piece;
  }
  respond(true, " rawmode=\"false\"");
}

void FirehoseProgrammer::digest(std::uint64_t first, std::uint64_t count) {
  Sha256Stream stream;
  for (std::uint64_t left = count * plan_.sector_size, at = first * plan_.sector_size; left > 0;) {
    const std::uint64_t piece = std::min(left, most_of_a_piece);
    stream.update(medium_.read(at, static_cast<std::size_t>(piece)));
    at += piece;
    left -= piece;
  }
  log(fmt::format("Digest {}", to_hex(stream.finish())));
  respond(true, " rawmode=\"false\"");
}

/// Data of a program.
bool FirehoseProgrammer::raw(std::span<const std::byte> data) {
  if (data.size() > raw_left_) return false;
  Bytes kept{data.begin(), data.end()};
  const std::uint64_t lie = plan_.lying_sector * plan_.sector_size;
  if (plan_.lying_sector < plan_.sectors && lie >= raw_at_ && lie < raw_at_ + kept.size())
    kept[static_cast<std::size_t>(lie - raw_at_)] ^= std::byte{1};
  if (!bad_) medium_.write(raw_at_, kept);
  raw_at_ += data.size();
  raw_left_ -= data.size();
  if (raw_left_ == 0) program_end();
  return true;
}

void FirehoseProgrammer::program_end() {
  if (bad_) log("ERROR: Failed to write to the device, status 5");
  respond(!bad_, " rawmode=\"false\"");
}

Reply FirehoseProgrammer::control(const Setup&, std::span<const std::byte>) { return Reply::refuse(); }

Reply FirehoseProgrammer::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  if (endpoint != 1) return Reply::refuse();
  if (data.empty()) return Reply::take(0);
  // While somebody has to read what it said, it listens to nobody.
  if (!answers_.empty()) return Reply::nothing_yet();
  if (raw_left_ > 0) return raw(data) ? Reply::take(data.size()) : Reply::refuse();
  command({reinterpret_cast<const char*>(data.data()), data.size()});
  return Reply::take(data.size());
}

Reply FirehoseProgrammer::in(std::uint8_t endpoint, std::size_t most) {
  if (endpoint != 1) return Reply::refuse();
  if (answers_.empty()) return Reply::nothing_yet();
  Bytes& first = answers_.front();
  const std::size_t count = std::min(most, first.size());
  Bytes part{first.begin(), first.begin() + static_cast<std::ptrdiff_t>(count)};
  first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(count));
  if (first.empty()) answers_.pop_front();
  if (restarting_ && answers_.empty()) leave();
  return Reply::answer(std::move(part));
}

}  // namespace flashline::lab
