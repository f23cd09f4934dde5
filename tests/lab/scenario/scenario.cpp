#include "tests/lab/scenario/scenario.h"

#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "station-config/values.h"
#include "station-config/xml_reader.h"
#include "tests/lab/usbip/vhci.h"

namespace flashline::lab {
namespace {

using config::ElementReader;
using config::Form;
using config::Shape;

constexpr std::size_t most_boards = vhci_controllers * vhci_sockets;
constexpr std::size_t most_cards = 8;
constexpr Form<std::uint64_t> size_form{config::parse_size, errc::config_size, "a size"};
constexpr Form<std::uint64_t> rate_form{config::parse_rate, errc::config_rate, "a rate"};
constexpr Form<std::chrono::milliseconds> duration_form{config::parse_duration, errc::config_duration, "a duration"};
constexpr Form<bool> boolean_form{config::parse_boolean, errc::config_boolean, "true or false"};

const Shape scenario_shape{.attributes = {{"name", true}, {"limit"}, {"bus-rate"}, {"attempts"}},
                           .children = {{"image", 1}, {"reader", 0, most_boards}, {"board", 0, most_boards}}};
const Shape image_shape{.attributes = {{"file"}, {"size"}, {"data"}, {"platform"}}, .children = {}};
const Shape reader_shape{
    .attributes = {{"socket", true}, {"serial"}, {"speed"}, {"write-rate"}, {"read-rate"}, {"plugged-after"}},
    .children = {{"pull"}, {"card", 1, most_cards}}};
const Shape board_shape{.attributes = {{"socket", true},
                                       {"serial"},
                                       {"write-rate"},
                                       {"read-rate"},
                                       {"plugged-after"},
                                       {"name", true},
                                       {"size", true},
                                       {"expect", true},
                                       {"error"},
                                       {"profile", true},
                                       {"really"},
                                       {"count"}},
                        .children = {{"pull"}, {"next"}}};
const Shape next_shape{.attributes = {}, .children = {}};
const Shape reader_pull_shape{.attributes = {{"after", true}, {"back-after"}}, .children = {}};
const Shape board_pull_shape{.attributes = {{"after", true}, {"back-after"}, {"stage"}}, .children = {}};
const Shape card_shape{.attributes = {{"name", true}, {"size", true}, {"write-protected"}, {"expect", true}, {"error"}},
                       .children = {{"fault"}}};
const Shape fault_shape{.attributes = {{"kind", true}, {"from", true}, {"length", true}}, .children = {}};

Result<MediumFault> read_fault(const ElementReader& in) {
  using Kind = MediumFault::Kind;
  FL_CHECK(in.check(fault_shape));
  MediumFault fault;
  FL_TRY(fault.kind, in.choice<Kind>("kind",
                                     {{"write-error", Kind::write_error},
                                      {"read-error", Kind::read_error},
                                      {"lost-write", Kind::lost_write},
                                      {"bit-rot", Kind::bit_rot},
                                      {"wrap-around", Kind::wrap_around},
                                      {"limbo", Kind::limbo}},
                                     Kind::none));
  FL_TRY(fault.from, in.value("from", size_form));
  FL_TRY(fault.length, in.value("length", size_form));
  return fault;
}

Result<SlotPlan> read_slot(const ElementReader& in) {
  SlotPlan slot{.name = in.text_of("name")};
  FL_TRY(slot.size, in.value("size", size_form));
  FL_TRY(slot.end, in.choice<End>("expect", {{"passed", End::passed}, {"failed", End::failed}, {"gone", End::gone}},
                                  End::passed));
  slot.error = in.text_of("error");
  return slot;
}

Result<CardPlan> read_card(const ElementReader& in) {
  FL_CHECK(in.check(card_shape));
  CardPlan card;
  FL_TRY(card.slot, read_slot(in));
  FL_TRY(card.write_protected, in.value("write-protected", boolean_form));
  if (const auto fault = in.child("fault")) {
    FL_TRY(card.fault, read_fault(*fault));
  }
  return card;
}

Result<SocketPlan> read_socket(const ElementReader& in, const Shape& pull_shape) {
  SocketPlan at{.serial = in.text_of("serial")};
  FL_TRY(const auto socket, in.number("socket", 0, most_boards - 1, 0));
  at.socket = static_cast<unsigned>(socket);
  FL_TRY(at.write_rate, in.value("write-rate", rate_form));
  FL_TRY(at.read_rate, in.value("read-rate", rate_form));
  FL_TRY(at.plugged_after, in.value("plugged-after", duration_form));
  if (const auto pull = in.child("pull")) {
    FL_CHECK(pull->check(pull_shape));
    PullPlan plan{.stage = pull->text_of("stage")};
    FL_TRY(plan.after_bytes, pull->value("after", size_form));
    FL_TRY(const auto back, pull->value("back-after", duration_form));
    if (pull->find("back-after") != nullptr) plan.back_after = back;
    at.pull = plan;
  }
  return at;
}

Result<ReaderPlan> read_reader(const ElementReader& in) {
  using transport::UsbSpeed;
  FL_CHECK(in.check(reader_shape));
  ReaderPlan reader;
  FL_TRY(reader.at, read_socket(in, reader_pull_shape));
  FL_TRY(reader.speed,
         in.choice<UsbSpeed>("speed", {{"full", UsbSpeed::full}, {"high", UsbSpeed::high}, {"super", UsbSpeed::super}},
                             UsbSpeed::high));
  for (const ElementReader& each : in.children("card")) {
    FL_TRY(CardPlan card, read_card(each));
    reader.cards.push_back(std::move(card));
  }
  return reader;
}

Result<BoardPlan> read_board(const ElementReader& in) {
  FL_CHECK(in.check(board_shape));
  BoardPlan board;
  FL_TRY(board.at, read_socket(in, board_pull_shape));
  FL_TRY(board.slot, read_slot(in));
  board.profile = in.text_of("profile");
  board.really = in.text_of("really", board.profile);
  if (const auto next = in.child("next")) {
    FL_CHECK(next->check(next_shape));
    board.next = true;
  }
  return board;
}

/// Sockets and slots that are there once only.
class Taken {
 public:
  Status socket(const ElementReader& in, unsigned number) {
    if (sockets_.insert(number).second) return {};
    return in.error_at("socket", errc::config_number, fmt::format("socket {} is taken", number));
  }
  Status slot(const ElementReader& in, const std::string& name) {
    if (config::is_name(name, 32) && names_.insert(name).second) return {};
    return in.error(errc::config_name, fmt::format("the name must be a slot's, and its own: \"{}\"", name));
  }

 private:
  std::set<unsigned> sockets_;
  std::set<std::string> names_;
};

Result<ImagePlan> read_image(const ElementReader& in, const std::filesystem::path& base) {
  FL_CHECK(in.check(image_shape));
  ImagePlan image;
  if (in.find("file") != nullptr) {
    FL_TRY(image.file, in.path("file", base));
  }
  FL_TRY(image.size, in.value("size", size_form, std::uint64_t{16} << 20U));
  FL_TRY(image.data, in.value("data", size_form, std::uint64_t{8} << 20U));
  image.platform = in.text_of("platform", "Flashline.Lab.Board");
  return image;
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view xml, const std::filesystem::path& file) {
  FL_TRY(const XmlDocument document, config::parse_rooted(xml, file, "scenario"));
  const ElementReader root{document, document.root};
  FL_CHECK(root.check(scenario_shape));
  Scenario scenario{.name = root.text_of("name")};
  FL_TRY(scenario.limit, root.value("limit", duration_form, std::chrono::milliseconds{180000}));
  FL_TRY(scenario.bus_rate, root.value("bus-rate", rate_form));
  FL_TRY(const auto attempts, root.number("attempts", 1, 10, 2));
  scenario.attempts = static_cast<unsigned>(attempts);
  FL_TRY(scenario.image, read_image(*root.child("image"), file.parent_path()));
  Taken taken;
  for (const ElementReader& each : root.children("reader")) {
    FL_TRY(ReaderPlan reader, read_reader(each));
    FL_CHECK(taken.socket(each, reader.at.socket));
    for (const CardPlan& card : reader.cards) {
      FL_CHECK(taken.slot(each, card.slot.name));
    }
    scenario.readers.push_back(std::move(reader));
  }
  for (const ElementReader& each : root.children("board")) {
    FL_TRY(const BoardPlan first, read_board(each));
    FL_TRY(const auto count, each.number("count", 1, most_boards - first.at.socket, 1));
    for (unsigned next = 0; next < count; ++next) {
      BoardPlan board = first;
      board.at.socket += next;
      if (each.find("count") != nullptr) board.slot.name += fmt::format("-{}", next + 1);
      FL_CHECK(taken.socket(each, board.at.socket));
      FL_CHECK(taken.slot(each, board.slot.name));
      scenario.boards.push_back(std::move(board));
    }
  }
  if (scenario.readers.empty() && scenario.boards.empty()) {
    return root.error(errc::config_missing_element, "it needs a reader or a board");
  }
  return scenario;
}

Result<Scenario> read_scenario(const std::filesystem::path& file) {
  FL_TRY(const std::string text, config::read_text_file(file));
  return parse_scenario(text, std::filesystem::absolute(file));
}

}  // namespace flashline::lab
