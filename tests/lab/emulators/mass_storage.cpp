#include "tests/lab/emulators/mass_storage.h"

#include <algorithm>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

constexpr std::uint32_t command_signature = 0x43425355;
constexpr std::uint32_t status_signature = 0x53425355;
constexpr std::size_t wrapper_size = 31;
constexpr std::uint8_t endpoint_in = 1;
constexpr std::uint8_t endpoint_out = 2;

Descriptors described(const MassStoragePlan& plan) {
  const std::uint16_t packet = plan.speed == transport::UsbSpeed::super  ? 1024
                               : plan.speed == transport::UsbSpeed::high ? 512
                                                                         : 64;
  const auto in_address = static_cast<std::uint8_t>(0x80U | endpoint_in);
  DevicePlan device{.vendor = plan.vendor, .product = plan.product, .strings = {}, .interfaces = {}};
  device.usb = plan.speed == transport::UsbSpeed::super ? 0x0300 : 0x0200;
  device.manufacturer_index = 1;
  device.product_index = 2;
  device.serial_index = plan.serial.empty() ? 0 : 3;
  device.strings = {{1, plan.manufacturer}, {2, plan.name}};
  if (!plan.serial.empty()) device.strings[3] = plan.serial;
  device.interfaces = {{.class_code = 8,
                        .subclass = 6,
                        .protocol = 0x50,
                        .endpoints = {{in_address, 2, packet}, {endpoint_out, 2, packet}}}};
  device.speed = plan.speed;
  return describe(device);
}

}  // namespace

MassStorage::MassStorage(const MassStoragePlan& plan) : descriptors_{described(plan)}, leaves_at_{plan.leaves_at} {
  for (const ScsiDiskPlan& each : plan.disks) disks_.emplace_back(each);
}

void MassStorage::reset() {
  phase_ = Phase::command;
  data_.clear();
}

Reply MassStorage::control(const Setup& setup, std::span<const std::byte>) {
  if (setup.request_type == 0xa1 && setup.request == 0xfe) {
    return Reply::answer({static_cast<std::byte>(disks_.size() - 1)});
  }
  if (setup.request_type == 0x21 && setup.request == 0xff) {
    reset();
    return Reply::take(0);
  }
  return Reply::refuse();
}

Reply MassStorage::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  if (endpoint != endpoint_out) return Reply::refuse();
  if (phase_ == Phase::command) return command(data);
  return phase_ == Phase::data_out ? take_data(data) : Reply::refuse();
}

Reply MassStorage::in(std::uint8_t endpoint, std::size_t most) {
  if (endpoint != endpoint_in) return Reply::refuse();
  if (phase_ == Phase::data_in) return give_data(most);
  return phase_ == Phase::status ? give_status() : Reply::nothing_yet();
}

Reply MassStorage::command(std::span<const std::byte> wrapper) {
  if (wrapper.size() != wrapper_size || load32(wrapper) != command_signature) return Reply::refuse();
  const std::size_t length = std::to_integer<std::size_t>(wrapper[14]) & 0x1fU;
  lun_ = std::to_integer<std::uint8_t>(wrapper[13]) & 0x0fU;
  if (length == 0 || length > 16 || lun_ >= disks_.size()) return Reply::refuse();
  tag_ = load32(wrapper.subspan(4));
  expected_ = load32(wrapper.subspan(8));
  command_.assign(wrapper.begin() + 15, wrapper.end());
  data_.clear();
  given_ = 0;
  failed_ = false;
  const bool inwards = (std::to_integer<unsigned>(wrapper[12]) & 0x80U) != 0;
  if (expected_ > 0 && !inwards) {
    phase_ = Phase::data_out;
  } else {
    run();
    phase_ = expected_ > 0 ? Phase::data_in : Phase::status;
  }
  return Reply::take(wrapper.size());
}

/// The disk does what it was told, once it has what it wanted.
void MassStorage::run() {
  const ScsiReply reply = disks_.at(lun_).run(command_, data_);
  failed_ = reply.key != 0;
  written_ += failed_ ? 0 : data_.size();
  data_ = reply.data;
  if (data_.size() > expected_) data_.resize(expected_);
}

Reply MassStorage::take_data(std::span<const std::byte> data) {
  data_.insert(data_.end(), data.begin(), data.end());
  if (data_.size() < expected_) return Reply::take(data.size());
  given_ = expected_;
  run();
  phase_ = Phase::status;
  if (leaves_at_ != 0 && written_ >= leaves_at_) {
    leave();
    return Reply::broken();
  }
  return Reply::take(data.size());
}

/// Less than the host expects ends with a short packet; nothing at all with a stall, as real readers do.
Reply MassStorage::give_data(std::size_t most) {
  const std::size_t left = data_.size() - given_;
  if (data_.empty()) {
    phase_ = Phase::status;
    return Reply::refuse();
  }
  const std::size_t count = std::min(left, most);
  const auto from = data_.begin() + static_cast<std::ptrdiff_t>(given_);
  Bytes piece(from, from + static_cast<std::ptrdiff_t>(count));
  given_ += count;
  if (given_ == expected_ || count < most) phase_ = Phase::status;
  return Reply::answer(std::move(piece));
}

Reply MassStorage::give_status() {
  Bytes status(13);
  store32(status, status_signature);
  store32(std::span{status}.subspan(4), tag_);
  store32(std::span{status}.subspan(8), static_cast<std::uint32_t>(expected_ - given_));
  status[12] = failed_ ? std::byte{1} : std::byte{0};
  phase_ = Phase::command;
  return Reply::answer(std::move(status));
}

}  // namespace flashline::lab
