// Every fault at several moments of a session: what the operator is told, and what is healed by sending once more.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport {
namespace {

using Kind = lab::Fault::Kind;
using On = lab::Fault::On;

struct FaultRow {
  lab::Fault fault;
  std::string_view code;
};
class FastbootFault : public ::testing::TestWithParam<FaultRow> {};

std::string name_of_row(const ::testing::TestParamInfo<FaultRow>& row) {
  const auto& fault = row.param.fault;
  std::string name = std::string{name_of(fault.on)} + "_" + std::string{name_of(fault.kind)} + "_at_" +
                     std::to_string(fault.after_bytes) + (fault.times == 0 ? "_for_ever" : "");
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Opens the board, writes two segments of 300 000 bytes each, verifies.
TEST_P(FastbootFault, IsToldOrHealed) {
  BoardPair pair{{.capacity = 8_MiB}, GetParam().fault};
  const auto work = [&]() -> Status {
    const auto sink = pair.sink();
    if (!sink) return std::unexpected{*pair.error};
    for (std::uint32_t each = 0; each < 2; ++each) {
      auto bytes = noise(299'008, each);
      FL_CHECK(pair.run(sink->write(ByteOffset{each * 1_MiB}, {bytes})));
      FL_CHECK(pair.run(sink->flush()));
    }
    return pair.run(sink->verify_written());
  };
  const Status status = work();
  EXPECT_EQ(code(status), GetParam().code) << (status ? "" : status.error().detail);
  EXPECT_TRUE(pair.faulty->struck());
  if (!status) return;
  for (std::uint32_t each = 0; each < 2; ++each) {
    EXPECT_EQ(pair.board->medium().read(each * 1_MiB, 299'008), noise(299'008, each));
  }
}

// Getvars are 100 bytes out and five packets in; a segment is 299 076 bytes in its data phase.
INSTANTIATE_TEST_SUITE_P(
    Table, FastbootFault,
    ::testing::Values(
        FaultRow{{Kind::stall, On::out, 0}, "FL-USB-002"}, FaultRow{{Kind::silence, On::out, 0}, "FL-USB-003"},
        FaultRow{{Kind::link_error, On::out, 0}, "FL-USB-004"}, FaultRow{{Kind::short_take, On::out, 0}, "FL-USB-005"},
        FaultRow{{Kind::unplug, On::out, 0}, "FL-USB-001"}, FaultRow{{Kind::stall, On::in, 1}, "FL-USB-002"},
        FaultRow{{Kind::silence, On::in, 1}, "FL-USB-003"}, FaultRow{{Kind::link_error, On::in, 1}, "FL-USB-004"},
        FaultRow{{Kind::garbage, On::in, 1}, "FL-FBT-002"}, FaultRow{{Kind::unplug, On::in, 1}, "FL-USB-001"},
        // In the data phase of the first segment: healed by a reset, or lost for ever.
        FaultRow{{Kind::stall, On::out, 150'000}, ""}, FaultRow{{Kind::silence, On::out, 150'000}, ""},
        FaultRow{{Kind::link_error, On::out, 150'000}, ""}, FaultRow{{Kind::short_take, On::out, 150'000}, ""},
        FaultRow{{Kind::unplug, On::out, 150'000}, "FL-DEV-004"},
        FaultRow{{Kind::stall, On::out, 150'000, 0}, "FL-USB-002"},
        FaultRow{{Kind::link_error, On::out, 150'000, 0}, "FL-USB-004"},
        FaultRow{{Kind::short_take, On::out, 150'000, 0}, "FL-USB-005"},
        // In the second.
        FaultRow{{Kind::stall, On::out, 450'000}, ""}, FaultRow{{Kind::silence, On::out, 450'000}, ""},
        FaultRow{{Kind::unplug, On::out, 450'000}, "FL-DEV-004"},
        // Answers of the first segment: the go-ahead, the taking, the writing.
        FaultRow{{Kind::garbage, On::in, 6}, ""}, FaultRow{{Kind::garbage, On::in, 7}, ""},
        FaultRow{{Kind::garbage, On::in, 8}, ""}, FaultRow{{Kind::silence, On::in, 8}, ""},
        FaultRow{{Kind::link_error, On::in, 8}, ""}, FaultRow{{Kind::stall, On::in, 8}, ""},
        FaultRow{{Kind::unplug, On::in, 8}, "FL-DEV-004"}, FaultRow{{Kind::garbage, On::in, 8, 0}, "FL-FBT-002"}),
    name_of_row);

}  // namespace
}  // namespace flashline::transport
