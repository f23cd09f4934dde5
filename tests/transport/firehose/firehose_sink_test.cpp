// Blocks into an eMMC behind a Firehose programmer, compared with the medium.
#include "transport/firehose/firehose_sink.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/usb.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/golden.h"
#include "tests/fakes/scripted_board.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_pipe.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/wire_log.h"
#include "transport/sahara/sahara.h"

namespace flashline::transport {
namespace {

using lab::Bytes;
using tests::awaited;

const PortPath port{"platform-vhci_hcd.0", {1}};

using Opened = Result<std::unique_ptr<FirehoseSink>>;

/// A sink with what it runs on.
struct Rig {
  boost::asio::io_context context;
  Opened sink{nullptr};

  explicit Rig(std::shared_ptr<lab::EmulatedDevice> device, FirehoseSinkOptions options = {}) {
    sink = awaited(context, FirehoseSink::open(std::make_unique<lab::EmulatedPipe>(std::move(device), port), "slot 1",
                                               std::move(options)));
  }
  Status write(std::uint64_t at, Bytes& data) {
    return awaited(context, (*sink)->write(ByteOffset{at}, IoBuffer{data}));
  }
  Status flush() { return awaited(context, (*sink)->flush()); }
  Status zero(std::uint64_t at, std::uint64_t length) {
    return awaited(context, (*sink)->zero(ByteOffset{at}, ByteCount{length}));
  }
  Status verify() { return awaited(context, (*sink)->verify_written()); }
  Result<Bytes> read(std::uint64_t at, std::size_t length) {
    Bytes bytes(length);
    auto status = awaited(context, (*sink)->read(ByteOffset{at}, IoBuffer{bytes}));
    if (!status) return std::unexpected{status.error()};
    return bytes;
  }
};

/// The programmer behind `pipe`, ready for commands.
asio::awaitable<Result<std::unique_ptr<Firehose>>> agreed(BytePipe& pipe, FirehoseOptions options) {
  FL_CO_TRY(Firehose made, co_await Firehose::configure(EdlPipe::over(pipe).value(), std::move(options)));
  co_return std::make_unique<Firehose>(std::move(made));
}
Result<std::unique_ptr<Firehose>> configured(boost::asio::io_context& context, BytePipe& pipe,
                                             FirehoseOptions options = {}) {
  return awaited(context, agreed(pipe, std::move(options)));
}

std::string code_or_passed(const Status& status) {
  return status ? "passed" : std::string{code_of(status.error().code)};
}

TEST(FirehoseSink, KnowsItsMedium) {
  Rig rig{std::make_shared<lab::FirehoseProgrammer>()};
  ASSERT_TRUE(rig.sink) << to_text(rig.sink.error());
  const SinkFacts& facts = (*rig.sink)->facts();
  EXPECT_EQ(facts.path, "slot 1");
  EXPECT_EQ(facts.capacity.value, 15269888ULL * 512);
  EXPECT_EQ(facts.sector_size, 512U);
  EXPECT_EQ(facts.medium, "8GME4R 1212760641");
  EXPECT_EQ(facts.read_back, ReadBack::bytes);
}

TEST(FirehoseSink, ChecksWhatWasWrittenTheBestWayThatTheProgrammerCan) {
  const auto way = [](bool reads, bool digests) {
    Rig rig{std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.reads = reads, .digests = digests})};
    return (*rig.sink)->facts().read_back;
  };
  EXPECT_EQ(way(true, true), ReadBack::bytes);
  EXPECT_EQ(way(false, true), ReadBack::by_board);
  EXPECT_EQ(way(false, false), ReadBack::none);
  Rig told{std::make_shared<lab::FirehoseProgrammer>(), {.read_back = ReadBack::by_board}};
  EXPECT_EQ((*told.sink)->facts().read_back, ReadBack::by_board);
}

struct Shape {
  const char* name;
  lab::FirehosePlan plan;
  std::size_t collect = 4U << 20U;
};

class FirehoseShapes : public testing::TestWithParam<Shape> {};

/// Runs of all sizes in two phases with a barrier between, overwriting included, against a copy in memory.
TEST_P(FirehoseShapes, KeepEveryBlock) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>(GetParam().plan);
  Rig rig{programmer, {.collect = GetParam().collect}};
  ASSERT_TRUE(rig.sink) << to_text(rig.sink.error());
  lab::SparseMemory expected;
  const std::uint64_t sector = GetParam().plan.sector_size;
  const std::uint64_t end = GetParam().plan.sectors * sector;
  const auto put = [&](std::uint64_t at, std::size_t size, std::uint32_t seed) {
    Bytes data = lab::pattern(size, seed);
    expected.write(at, data);
    ASSERT_TRUE(rig.write(at, data)) << at;
  };
  const Bytes old = lab::pattern(64 * sector, 99);  // what lay there before
  programmer->medium().write(0, old);
  programmer->medium().write(end - old.size(), old);
  expected.write(0, old);
  expected.write(end - old.size(), old);

  ASSERT_TRUE(rig.zero(0, 34 * sector));
  ASSERT_TRUE(rig.zero(end - 33 * sector, 33 * sector));
  expected.write(0, Bytes(34 * sector));
  expected.write(end - 33 * sector, Bytes(33 * sector));
  std::uint64_t at = 1U << 20U;
  for (std::uint32_t piece = 0; piece < 12; ++piece, at += 128 * 1024) put(at, 128 * 1024, piece);  // in a row
  put(at + sector, sector, 20);                                                                     // a gap
  put(3U << 20U, 3U << 20U, 21);                  // larger than a payload
  put(6U << 20U, (4U << 20U) + 8 * sector, 22);   // larger than what is collected
  put((3U << 20U) + 4 * sector, 2 * sector, 23);  // over what was written
  ASSERT_TRUE(rig.flush());
  EXPECT_TRUE(rig.verify());
  put(0, 34 * sector, 30);  // the tables, behind a barrier
  put(end - 33 * sector, 33 * sector, 31);
  ASSERT_TRUE(rig.flush());
  EXPECT_TRUE(rig.verify());

  for (std::uint64_t from = 0; from < 11U << 20U; from += 1U << 20U) {
    ASSERT_EQ(programmer->medium().read(from, 1U << 20U), expected.read(from, 1U << 20U)) << from;
  }
  EXPECT_EQ(programmer->medium().read(end - 64 * sector, 64 * sector), expected.read(end - 64 * sector, 64 * sector));
  if ((*rig.sink)->facts().read_back == ReadBack::bytes) {
    EXPECT_EQ(rig.read(3U << 20U, 3U << 20U).value(), expected.read(3U << 20U, 3U << 20U));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Firehose, FirehoseShapes,
    testing::Values(Shape{"as_it_comes", {}}, Shape{"small_payload", {.max_payload = 16384}},
                    Shape{"small_payload_after_a_nak", {.max_payload = 16384, .naks_large_payload = true}},
                    Shape{"late_logs", {.logs_late = true}}, Shape{"no_read", {.reads = false}},
                    Shape{"no_read_no_digest", {.reads = false, .digests = false}},
                    Shape{"wide_sectors", {.sectors = 1908736, .sector_size = 4096}},
                    Shape{"escaped_logs", {.escapes = true}},
                    Shape{"late_logs_no_read", {.logs_late = true, .reads = false}}, Shape{"nothing_collected", {}, 0}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(FirehoseSink, JoinsWritesThatFollowEachOther) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  Rig rig{programmer, {.read_back = ReadBack::none}};
  Bytes block = lab::pattern(128 * 1024, 1);
  for (std::uint64_t each = 0; each < 40; ++each) ASSERT_TRUE(rig.write((1U << 20U) + each * block.size(), block));
  ASSERT_TRUE(rig.write(0, block));
  EXPECT_EQ(programmer->commands(), "program 2048+8192\nprogram 10240+2048\n") << "the last one waits for its barrier";
  ASSERT_TRUE(rig.flush());
  ASSERT_TRUE(rig.flush());
  EXPECT_EQ(programmer->commands(), "program 2048+8192\nprogram 10240+2048\nprogram 0+256\n");
}

TEST(FirehoseSink, ZeroesInRunsOfABoundedSize) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.max_payload = 65536});
  Rig rig{programmer, {.read_back = ReadBack::none}};
  ASSERT_TRUE(rig.zero(512, (66U << 20U) + 1024));
  EXPECT_EQ(programmer->commands(), "program 1+131072\nprogram 131073+4096\nprogram 135169+2\n");
}

TEST(FirehoseSink, TakesCallsThatOverlap) {
  using namespace boost::asio::experimental::awaitable_operators;
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  Rig rig{programmer};
  Bytes first = lab::pattern(65536, 1);
  Bytes second = lab::pattern(65536, 2);
  FirehoseSink& sink = **rig.sink;
  const auto both = [&]() -> asio::awaitable<bool> {
    const auto [one, other, flushed] = co_await (sink.write(ByteOffset{0}, IoBuffer{first}) &&
                                                 sink.write(ByteOffset{1U << 20U}, IoBuffer{second}) && sink.flush());
    co_return one.has_value() && other.has_value() && flushed.has_value();
  };
  EXPECT_TRUE(awaited(rig.context, both()));
  EXPECT_TRUE(rig.flush());
  EXPECT_EQ(programmer->medium().read(0, first.size()), first);
  EXPECT_EQ(programmer->medium().read(1U << 20U, second.size()), second);
}

TEST(FirehoseSink, RefusesWhatLiesPastTheEnd) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.sectors = 100});
  Rig rig{programmer, {.read_back = ReadBack::bytes}};
  Bytes two(1024);
  EXPECT_EQ(code_or_passed(rig.write(99 * 512, two)), "FL-DEV-005");
  EXPECT_EQ(code_or_passed(rig.write(~std::uint64_t{511}, two)), "FL-DEV-005");
  EXPECT_EQ(code_or_passed(rig.zero(512, 100 * 512)), "FL-DEV-005");
  EXPECT_EQ(rig.read(99 * 512, 1024).error().code, errc::device_full);
  EXPECT_EQ(programmer->commands(), "");
}

TEST(FirehoseSink, NeverForgetsAWriteThatFailed) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.bad_sector = 3000});
  Rig rig{programmer};
  Bytes data = lab::pattern(1U << 20U, 1);
  ASSERT_TRUE(rig.write(1U << 20U, data)) << "it only collects";
  const Status flushed = rig.flush();
  EXPECT_EQ(code_or_passed(flushed), "FL-DEV-001");
  EXPECT_NE(flushed.error().detail.find("at 1048576"), std::string::npos);
  EXPECT_NE(flushed.error().detail.find("status 5"), std::string::npos) << "the programmer's own words";
  EXPECT_EQ(code_or_passed(rig.flush()), "FL-DEV-001");
  EXPECT_EQ(code_or_passed(rig.write(0, data)), "FL-DEV-001");
  EXPECT_EQ(code_or_passed(rig.verify()), "FL-DEV-001");
}

TEST(FirehoseSink, FindsByDigestWhatTheMediumDidNotKeep) {
  const auto programmer =
      std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.reads = false, .lying_sector = 2100});
  Rig rig{programmer};
  Bytes data = lab::pattern(1U << 20U, 1);
  ASSERT_TRUE(rig.write(0, data));
  ASSERT_TRUE(rig.verify());
  ASSERT_TRUE(rig.write(1U << 20U, data));
  const Status status = rig.verify();
  EXPECT_EQ(code_or_passed(status), "FL-DEV-007");
  EXPECT_NE(status.error().detail.find("1048576 bytes at 1048576"), std::string::npos) << status.error().detail;
}

TEST(FirehoseSink, VerifiesBeforeItOverwrites) {
  const auto programmer =
      std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.reads = false, .lying_sector = 40});
  Rig rig{programmer};
  Bytes large = lab::pattern(65536, 1);
  Bytes small = lab::pattern(512, 2);
  ASSERT_TRUE(rig.write(0, large));
  ASSERT_TRUE(rig.flush());
  ASSERT_TRUE(rig.write(0, small));
  EXPECT_EQ(code_or_passed(rig.verify()), "FL-DEV-007") << "sector 40 lies in what was only partly overwritten";
}

TEST(FirehoseSink, RestartsTheBoard) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  Rig rig{programmer};
  EXPECT_TRUE(awaited(rig.context, (*rig.sink)->restart()));
  EXPECT_TRUE(programmer->leaves());
}

TEST(FirehoseSink, FollowsSaharaOnTheSamePipe) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  const auto rom = std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{}, programmer);
  boost::asio::io_context context;
  auto pipe = std::make_unique<lab::EmulatedPipe>(rom, port);
  const Bytes image = lab::pattern(60000, 5);
  const auto loaded = awaited(context, load_programmer(*pipe, image));
  ASSERT_TRUE(loaded) << to_text(loaded.error());
  auto sink = awaited(context, FirehoseSink::open(std::move(pipe), "slot 1"));
  ASSERT_TRUE(sink) << to_text(sink.error());
  Bytes data = lab::pattern(4096, 1);
  ASSERT_TRUE(awaited(context, (*sink)->write(ByteOffset{4096}, IoBuffer{data})));
  ASSERT_TRUE(awaited(context, (*sink)->flush()));
  EXPECT_EQ(programmer->medium().read(4096, 4096), data);
}

TEST(FirehoseSink, SoundsLikeThis) {
  const auto log = std::make_shared<lab::WireLog>(std::make_shared<lab::FirehoseProgrammer>(
      lab::FirehosePlan{.max_payload = 16384, .naks_large_payload = true, .reads = false}));
  Rig rig{log};
  Bytes data = lab::pattern(40960, 1);
  ASSERT_TRUE(rig.write(512, data));
  ASSERT_TRUE(rig.verify());
  ASSERT_TRUE(awaited(rig.context, (*rig.sink)->restart()));
  EXPECT_EQ(log->text(), tests::golden("usb/firehose-msm8916.txt", log->text()));
}

std::string doc(std::string_view inside) { return "<?xml version=\"1.0\" ?><data>" + std::string{inside} + "</data>"; }

struct TalkCase {
  const char* name;
  std::deque<std::string> says;
  Errc code;
};

class BadProgrammer : public testing::TestWithParam<TalkCase> {};

TEST_P(BadProgrammer, EndsWithItsCode) {
  std::deque<Bytes> says;
  for (const std::string& each : GetParam().says) says.push_back(tests::as_bytes(each));
  const auto board = std::make_shared<tests::ScriptedBoard>(says, true);
  Rig rig{board};
  ASSERT_FALSE(rig.sink);
  EXPECT_EQ(rig.sink.error().code, GetParam().code) << rig.sink.error().detail;
  EXPECT_LT(board->told(), 5000U) << "nobody listens for ever";
}

const std::string bombs =
    "<!DOCTYPE data [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><data><log value=\"&b;\"/></data>";

INSTANTIATE_TEST_SUITE_P(
    Firehose, BadProgrammer,
    testing::Values(TalkCase{"logs_for_ever", {doc("<log value=\"x\"/>")}, errc::firehose_reply},
                    TalkCase{"other_elements_for_ever", {doc("<x/>")}, errc::firehose_reply},
                    TalkCase{"nothing_for_ever", {""}, errc::firehose_reply},
                    TalkCase{"document_without_end",
                             {"<data>", std::string(4000, ' ') + "<log value=\"x\"/>"},
                             errc::firehose_reply},
                    TalkCase{"binary", {std::string(600, '\xa5')}, errc::firehose_reply},
                    TalkCase{"bomb", {bombs}, errc::firehose_reply},
                    TalkCase{"sahara", {std::string("\x01\x00\x00\x00\x30\x00\x00\x00", 8)}, errc::firehose_reply},
                    TalkCase{"acks_for_ever", {doc("<response value=\"ACK\"/>")}, errc::firehose_reply}),
    [](const auto& row) { return std::string{row.param.name}; });

struct FirstAnswer {
  const char* name;
  std::string says;
  Errc code;
};

class BadConfigure : public testing::TestWithParam<FirstAnswer> {};

/// Says something after each thing that it takes, and nothing else.
class Echo final : public lab::EmulatedDevice {
 public:
  explicit Echo(std::string says)
      : says_{std::move(says)}, descriptors_{lab::describe({.interfaces = {{.endpoints = {{0x81}, {0x01}}}}})} {}
  const lab::Descriptors& descriptors() const override { return descriptors_; }
  lab::Reply control(const lab::Setup&, std::span<const std::byte>) override { return lab::Reply::refuse(); }
  lab::Reply out(std::uint8_t, std::span<const std::byte> data) override {
    due_ = true;
    return lab::Reply::take(data.size());
  }
  lab::Reply in(std::uint8_t, std::size_t) override {
    if (!std::exchange(due_, false)) return lab::Reply::nothing_yet();
    return lab::Reply::answer(tests::as_bytes(says_));
  }

 private:
  std::string says_;
  lab::Descriptors descriptors_;
  bool due_ = false;
};

TEST_P(BadConfigure, EndsWithItsCode) {
  Rig rig{std::make_shared<Echo>(GetParam().says)};
  ASSERT_FALSE(rig.sink);
  EXPECT_EQ(rig.sink.error().code, GetParam().code) << rig.sink.error().detail;
  EXPECT_EQ(rig.sink.error().detail.find('\x02'), std::string::npos) << "control characters are for no operator";
}

INSTANTIATE_TEST_SUITE_P(
    Firehose, BadConfigure,
    testing::Values(
        FirstAnswer{"nak", doc("<response value=\"NAK\"/>"), errc::firehose_nak},
        FirstAnswer{
            "nak_with_garbage",
            doc("<log value=\"\x02\xff\xfe\"/><response value=\"NAK\" MaxPayloadSizeToTargetInBytes=\"\x02\xff\"/>"),
            errc::firehose_nak},
        FirstAnswer{"nak_of_a_larger_size", doc("<response value=\"NAK\" MaxPayloadSizeToTargetInBytes=\"9999999\"/>"),
                    errc::firehose_nak},
        FirstAnswer{"nak_of_no_size", doc("<response value=\"NAK\" MaxPayloadSizeToTargetInBytes=\"0\"/>"),
                    errc::firehose_nak},
        FirstAnswer{"nak_of_a_huge_size",
                    doc("<response value=\"NAK\" MaxPayloadSizeToTargetInBytes=\"99999999999999999999999\"/>"),
                    errc::firehose_nak},
        FirstAnswer{"neither", doc("<response value=\"MAYBE\"/>"), errc::firehose_nak},
        FirstAnswer{"no_value", doc("<response/>"), errc::firehose_nak},
        FirstAnswer{"ack_of_everything", doc("<response value=\"ACK\"/>"), errc::firehose_storage},
        FirstAnswer{"storage_of_no_size",
                    doc("<log value=\"{\"total_blocks\":0,\"block_size\":512}\"/><response value=\"ACK\"/>"),
                    errc::firehose_storage},
        FirstAnswer{"no_raw_mode",
                    doc("<log value=\"{\"total_blocks\":9,\"block_size\":512}\"/><response value=\"ACK\"/>"),
                    errc::firehose_reply}),
    [](const auto& row) { return std::string{row.param.name}; });

struct FaultRow {
  lab::Fault::Kind kind;
  lab::Fault::On on;
  std::uint64_t after;
  const char* outcome;  ///< of opening, writing, flushing; a code, or "passed"
};

class FirehoseFaults : public testing::TestWithParam<FaultRow> {};

TEST_P(FirehoseFaults, EndWithTheirCode) {
  const FaultRow& row = GetParam();
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  const auto faulty = std::make_shared<lab::FaultyDevice>(programmer, lab::Fault{row.kind, row.on, row.after});
  Rig rig{faulty, {.read_back = ReadBack::none}};
  Status status;
  Bytes data = lab::pattern(1U << 20U, 1);
  if (!rig.sink) {
    status = std::unexpected{rig.sink.error()};
  } else {
    status = rig.write(0, data);
    if (status) status = rig.flush();
  }
  EXPECT_TRUE(faulty->struck());
  EXPECT_EQ(code_or_passed(status), row.outcome) << (status ? std::string{} : status.error().detail);
  if (!status && rig.sink) EXPECT_EQ(code_or_passed(rig.flush()), row.outcome) << "it stays failed";
}

using Kind = lab::Fault::Kind;
using On = lab::Fault::On;

// OUT: about 190 bytes configure, 120 getstorageinfo, 240 program, then the data. IN: answers and vain questions.
INSTANTIATE_TEST_SUITE_P(
    Firehose, FirehoseFaults,
    testing::Values(
        FaultRow{Kind::stall, On::out, 1, "FL-USB-002"}, FaultRow{Kind::stall, On::out, 300, "FL-USB-002"},
        FaultRow{Kind::stall, On::out, 500000, "FL-USB-002"}, FaultRow{Kind::silence, On::out, 1, "FL-USB-003"},
        FaultRow{Kind::silence, On::out, 500000, "FL-DEV-006"}, FaultRow{Kind::link_error, On::out, 1, "FL-USB-004"},
        FaultRow{Kind::link_error, On::out, 500000, "FL-USB-004"}, FaultRow{Kind::short_take, On::out, 1, "FL-USB-005"},
        FaultRow{Kind::short_take, On::out, 500000, "FL-USB-005"}, FaultRow{Kind::unplug, On::out, 1, "FL-USB-001"},
        FaultRow{Kind::unplug, On::out, 500000, "FL-DEV-004"}, FaultRow{Kind::unplug, On::out, 1000000, "FL-DEV-004"},
        FaultRow{Kind::stall, On::in, 1, "FL-USB-002"}, FaultRow{Kind::link_error, On::in, 1, "FL-USB-004"},
        FaultRow{Kind::unplug, On::in, 1, "FL-USB-001"}, FaultRow{Kind::garbage, On::in, 1, "FL-EDL-020"},
        FaultRow{Kind::garbage, On::in, 11, "FL-EDL-020"}, FaultRow{Kind::silence, On::in, 11, "FL-USB-003"},
        FaultRow{Kind::stall, On::in, 20, "FL-USB-002"}, FaultRow{Kind::unplug, On::in, 32, "FL-DEV-004"},
        FaultRow{Kind::garbage, On::in, 32, "FL-EDL-020"}, FaultRow{Kind::silence, On::in, 32, "FL-DEV-006"},
        FaultRow{Kind::unplug, On::in, 41, "FL-DEV-004"}, FaultRow{Kind::silence, On::in, 41, "FL-DEV-006"},
        FaultRow{Kind::garbage, On::in, 41, "FL-EDL-020"}, FaultRow{Kind::link_error, On::in, 41, "FL-USB-004"}),
    [](const auto& row) {
      std::string name = std::string{lab::name_of(row.param.kind)} + "_" + std::string{lab::name_of(row.param.on)} +
                         "_" + std::to_string(row.param.after);
      std::ranges::replace(name, '-', '_');
      return name;
    });

TEST(Firehose, TakesNoCommandAfterItFailedInRawMode) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  const auto faulty = std::make_shared<lab::FaultyDevice>(programmer, lab::Fault{Kind::stall, On::out, 500000});
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{faulty, port};
  const auto opened = configured(context, pipe);
  ASSERT_TRUE(opened);
  Firehose* const firehose = opened->get();
  const Bytes data = lab::pattern(1U << 20U, 1);
  EXPECT_EQ(code_or_passed(awaited(context, firehose->program({0, 2048}, data))), "FL-USB-002");
  EXPECT_EQ(code_or_passed(awaited(context, firehose->program({0, 2048}, data))), "FL-EDL-023");
  EXPECT_EQ(code_or_passed(awaited(context, firehose->restart())), "FL-EDL-023");
}

TEST(Firehose, Erases) {
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>();
  programmer->medium().write(4096, lab::pattern(8192, 1));
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{programmer, port};
  const auto opened = configured(context, pipe);
  ASSERT_TRUE(opened);
  Firehose* const firehose = opened->get();
  EXPECT_TRUE(awaited(context, firehose->erase({8, 16})));
  EXPECT_EQ(programmer->medium().read(4096, 8192), Bytes(8192));
  EXPECT_EQ(code_or_passed(awaited(context, firehose->erase({15269888, 1}))), "FL-EDL-021");
}

TEST(Firehose, TellsWhatTheProgrammerLogs) {
  std::vector<std::string> lines;
  FirehoseOptions options;
  options.on_log = [&](std::string_view line) { lines.emplace_back(line); };
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{std::make_shared<lab::FirehoseProgrammer>(), port};
  ASSERT_TRUE(configured(context, pipe, options));
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines.at(1), "logbuf@0x08060C58 fh@0x08058948");
}

}  // namespace
}  // namespace flashline::transport
