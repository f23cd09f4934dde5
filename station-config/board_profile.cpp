#include "station-config/board_profile.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "station-config/values.h"
#include "station-config/xml_reader.h"

namespace flashline::config {
namespace {

namespace fs = std::filesystem;
using Use = BoardFile::Use;

constexpr std::size_t max_stages = 8;
constexpr std::size_t max_ids = 32;

/// 16 bits as four hex digits, as lsusb and kernel logs write them.
std::optional<std::uint16_t> parse_usb_number(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool whole = text.size() == 4 && error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional{value} : std::nullopt;
}

std::optional<std::uint64_t> parse_address(std::string_view text) {
  if (!text.starts_with("0x") || text.size() < 3 || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

constexpr Form<bool> boolean{parse_boolean, errc::config_boolean, "true or false"};
constexpr Form<std::chrono::milliseconds> duration{parse_duration, errc::config_duration,
                                                   "a duration of an hour at most"};
constexpr Form<std::uint64_t> size_form{parse_size, errc::config_size, "a size"};
constexpr Form<std::uint16_t> usb_number{parse_usb_number, errc::config_usb_id, "four hex digits"};
constexpr Form<std::uint64_t> address{parse_address, errc::config_number, "an address such as 0x40480000"};

const Shape board_shape{
    .attributes = {{"name", true}, {"title", true}},
    .children = {{"platform", 0, 16}, {"stage", 1, max_stages}, {"storage"}, {"defaults"}, {"power"}},
};
const Shape platform_shape{.attributes = {{"id", true}}, .children = {}};
const Shape stage_shape{
    .attributes = {{"name", true}, {"protocol", true}, {"timeout"}, {"gap"}},
    .children = {{"usb", 0, max_ids}, {"file", 0, 4}},
};
const Shape usb_shape{.attributes = {{"vendor", true}, {"product", true}, {"manufacturer"}}, .children = {}};
const Shape file_shape{.attributes = {{"use", true}, {"path", true}, {"sha256"}, {"vendor"}}, .children = {}};
const Shape storage_shape{.attributes = {{"verify"}, {"partition"}, {"segment"}, {"memory"}, {"load-address"}},
                          .children = {}};
const Shape defaults_shape{.attributes = {{"verify"}, {"fit-gpt"}}, .children = {}};
const Shape power_shape{.attributes = {{"cycle"}, {"off"}}, .children = {}};

constexpr std::array protocols{
    Word<Protocol>{"rpiboot", Protocol::rpiboot},   Word<Protocol>{"sdp", Protocol::sdp},
    Word<Protocol>{"sdps", Protocol::sdps},         Word<Protocol>{"sahara", Protocol::sahara},
    Word<Protocol>{"card", Protocol::card},         Word<Protocol>{"mass-storage", Protocol::mass_storage},
    Word<Protocol>{"fastboot", Protocol::fastboot}, Word<Protocol>{"firehose", Protocol::firehose},
};
constexpr std::array uses{Word<Use>{"folder", Use::folder}, Word<Use>{"bundle", Use::bundle},
                          Word<Use>{"image", Use::image}, Word<Use>{"programmer", Use::programmer}};
constexpr std::array verifies{
    Word<Storage::Verify>{"read-back", Storage::Verify::read_back},
    Word<Storage::Verify>{"map", Storage::Verify::map},
    Word<Storage::Verify>{"crc32", Storage::Verify::crc32},
    Word<Storage::Verify>{"digest", Storage::Verify::digest},
    Word<Storage::Verify>{"none", Storage::Verify::none},
};

template <class T, std::size_t size>
std::string_view word_of(const std::array<Word<T>, size>& words, T value) {
  return std::ranges::find(words, value, &Word<T>::value)->word;
}

bool ends_the_way(Protocol protocol) { return protocol >= Protocol::card; }

/// What a stage of this protocol is given; nothing: no file.
std::optional<Use> needed_file(Protocol protocol) {
  switch (protocol) {
    case Protocol::rpiboot:
      return Use::folder;
    case Protocol::sdp:
    case Protocol::sdps:
      return Use::image;
    case Protocol::sahara:
      return Use::programmer;
    default:
      return std::nullopt;
  }
}

Result<UsbId> read_id(const ElementReader& in) {
  FL_CHECK(in.check(usb_shape));
  UsbId id{.manufacturer = in.text_of("manufacturer")};
  FL_TRY(id.vendor, in.value("vendor", usb_number));
  FL_TRY(id.product, in.value("product", usb_number));
  return id;
}

Result<BoardFile> read_file(const ElementReader& in, Protocol protocol, const fs::path& boards) {
  FL_CHECK(in.check(file_shape));
  BoardFile file;
  file.where = in.where();
  FL_TRY(file.use, in.choice<Use>("use", {uses[0], uses[1], uses[2], uses[3]}, Use::folder));
  FL_TRY(file.path, in.path("path", boards));
  FL_TRY(file.vendor, in.value("vendor", boolean, true));
  const auto needed = needed_file(protocol);
  const bool belongs = needed == file.use || (needed == Use::folder && file.use == Use::bundle);
  if (!belongs) {
    return in.error_at("use", errc::config_board_stage,
                       fmt::format("a stage of {} is given no {}", to_word(protocol), to_word(file.use)));
  }
  if (in.find("sha256") == nullptr) return file;
  if (file.use == Use::folder) return in.error_at("sha256", errc::config_digest, "a folder has no digest");
  constexpr Form<Sha256> form{parse_sha256, errc::config_digest, "a SHA-256 digest"};
  FL_TRY(file.digest, in.value("sha256", form));
  return file;
}

Status check_stage(const ElementReader& in, const Stage& stage) {
  const bool own_device = stage.protocol != Protocol::card && stage.protocol != Protocol::firehose;
  if (own_device && stage.ids.empty() && stage.protocol != Protocol::mass_storage) {
    return in.error(errc::config_board_stage, fmt::format("stage {} has no <usb> to be known by", stage.name));
  }
  if (!own_device && !stage.ids.empty()) {
    return in.error(errc::config_board_stage,
                    fmt::format("stage {}: {} is no device with ids of its own", stage.name, to_word(stage.protocol)));
  }
  const auto needed = needed_file(stage.protocol);
  if (needed && stage.file(*needed) == nullptr) {
    return in.error(errc::config_board_stage,
                    fmt::format("stage {} needs a <file use=\"{}\">", stage.name, to_word(*needed)));
  }
  for (const BoardFile& file : stage.files) {
    if (std::ranges::count(stage.files, file.use, &BoardFile::use) < 2) continue;
    return in.error(errc::config_board_stage,
                    fmt::format("stage {} has two files with use=\"{}\"", stage.name, to_word(file.use)));
  }
  return {};
}

Result<Stage> read_stage(const ElementReader& in, const fs::path& boards) {
  FL_CHECK(in.check(stage_shape));
  Stage stage{.name = in.text_of("name"), .ids = {}, .files = {}, .where = in.where()};
  if (!is_name(stage.name, 32)) {
    return in.error_at("name", errc::config_name,
                       fmt::format("name=\"{}\" is not a name of 1 to 32 characters", stage.name));
  }
  const auto& p = protocols;
  FL_TRY(stage.protocol,
         in.choice<Protocol>("protocol", {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]}, Protocol::card));
  FL_TRY(stage.timeout, in.value("timeout", duration, stage.timeout));
  FL_TRY(stage.gap, in.value("gap", duration, stage.gap));
  for (const ElementReader& child : in.children("usb")) {
    FL_TRY(UsbId id, read_id(child));
    stage.ids.push_back(std::move(id));
  }
  for (const ElementReader& child : in.children("file")) {
    FL_TRY(BoardFile file, read_file(child, stage.protocol, boards));
    stage.files.push_back(std::move(file));
  }
  FL_CHECK(check_stage(in, stage));
  return stage;
}

/// Boot stages first, one that writes last; firehose is what sahara loads, and a card needs nothing before it.
Status check_order(const std::vector<ElementReader>& elements, const std::vector<Stage>& stages) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Protocol protocol = stages[i].protocol;
    const bool last = i + 1 == stages.size();
    const auto bad = [&](std::string_view why) {
      return elements[i].error(errc::config_board_stage, fmt::format("stage {}: {}", stages[i].name, why));
    };
    if (!names.insert(stages[i].name).second) return bad("there is one of that name before it");
    if (ends_the_way(protocol) != last) return bad(last ? "nothing can be written by it" : "nothing follows it");
    if (protocol == Protocol::card && i != 0) return bad("a card needs no stage before it");
    const bool after_sahara = i != 0 && stages[i - 1].protocol == Protocol::sahara;
    if (after_sahara != (protocol == Protocol::firehose)) return bad("sahara loads firehose, and only it does");
  }
  return {};
}

Result<Storage> read_storage(const std::optional<ElementReader>& in, const ElementReader& root, Protocol writes) {
  Storage storage;
  const ElementReader& at = in ? *in : root;
  if (in) {
    FL_CHECK(in->check(storage_shape));
    const auto& v = verifies;
    FL_TRY(storage.verify,
           in->choice<Storage::Verify>("verify", {v[0], v[1], v[2], v[3], v[4]}, Storage::Verify::read_back));
    storage.partition = in->text_of("partition");
    storage.memory = in->text_of("memory");
    FL_TRY(storage.segment.value, in->value("segment", size_form, storage.segment.value));
    FL_TRY(storage.load_address, in->value("load-address", address));
  }
  const auto bad = [&](std::string_view attribute, std::string_view why) {
    return at.error_at(attribute, errc::config_board_storage, why);
  };
  const bool fastboot = writes == Protocol::fastboot;
  const bool firehose = writes == Protocol::firehose;
  if (fastboot == storage.partition.empty()) {
    return bad("partition",
               fastboot ? "fastboot needs the partition that means the whole disk" : "only fastboot has partitions");
  }
  if (firehose == storage.memory.empty()) {
    return bad("memory", firehose ? "firehose needs the memory's name" : "only firehose has memories");
  }
  if (storage.segment.value < 1_MiB || storage.segment.value > 1_GiB)
    return bad("segment", "a segment has 1MiB to 1GiB");
  using enum Storage::Verify;
  const bool fits = storage.verify == none || (storage.verify == read_back && !fastboot) ||
                    (fastboot && (storage.verify == map || storage.verify == crc32)) ||
                    (firehose && storage.verify == digest);
  if (!fits) {
    return bad("verify", fmt::format("verify=\"{}\" cannot be done over {}", to_word(storage.verify), to_word(writes)));
  }
  return storage;
}

Result<BoardDefaults> read_defaults(const ElementReader& in) {
  FL_CHECK(in.check(defaults_shape));
  BoardDefaults defaults;
  if (in.find("verify") != nullptr) {
    FL_TRY(defaults.verify, in.value("verify", boolean));
  }
  if (in.find("fit-gpt") != nullptr) {
    FL_TRY(defaults.fit_gpt, in.value("fit-gpt", boolean));
  }
  return defaults;
}

Result<BoardPower> read_power(const ElementReader& in) {
  FL_CHECK(in.check(power_shape));
  BoardPower power;
  FL_TRY(power.cycle, in.value("cycle", boolean));
  FL_TRY(power.off, in.value("off", duration, power.off));
  return power;
}

Status read_stages(const ElementReader& root, const fs::path& boards, BoardProfile& board) {
  const auto elements = root.children("stage");
  for (const ElementReader& element : elements) {
    FL_TRY(Stage stage, read_stage(element, boards));
    board.stages.push_back(std::move(stage));
  }
  return check_order(elements, board.stages);
}

}  // namespace

const BoardFile* Stage::file(BoardFile::Use use) const {
  const auto found = std::ranges::find(files, use, &BoardFile::use);
  return found == files.end() ? nullptr : &*found;
}

bool BoardProfile::is_plain_disk() const {
  return stages.size() == 1 && (stages[0].protocol == Protocol::card || stages[0].protocol == Protocol::mass_storage);
}

Result<BoardProfile> parse_board(std::string_view xml, const fs::path& file, const fs::path& boards) {
  FL_TRY(const XmlDocument document, parse_rooted(xml, file, "board"));
  const ElementReader root{document, document.root};
  FL_CHECK(root.check(board_shape));
  BoardProfile board;
  board.name = root.text_of("name");
  board.title = root.text_of("title");
  board.file = file.string();
  if (!is_name(board.name, 64)) {
    return root.error_at("name", errc::config_name,
                         fmt::format("name=\"{}\" is not a name of 1 to 64 characters", board.name));
  }
  if (!is_title(board.title))
    return root.error_at("title", errc::config_title, fmt::format("title=\"{}\"", board.title));
  for (const ElementReader& platform : root.children("platform")) {
    FL_CHECK(platform.check(platform_shape));
    board.platforms.push_back(platform.text_of("id"));
    if (!is_title(board.platforms.back())) {
      return platform.error_at("id", errc::config_title, fmt::format("id=\"{}\"", board.platforms.back()));
    }
  }
  FL_CHECK(read_stages(root, boards, board));
  FL_TRY(board.storage, read_storage(root.child("storage"), root, board.stages.back().protocol));
  if (const auto defaults = root.child("defaults")) {
    FL_TRY(board.defaults, read_defaults(*defaults));
  }
  if (const auto power = root.child("power")) {
    FL_TRY(board.power, read_power(*power));
  }
  return board;
}

std::string_view to_word(Protocol protocol) { return word_of(protocols, protocol); }
std::string_view to_word(BoardFile::Use use) { return word_of(uses, use); }
std::string_view to_word(Storage::Verify verify) { return word_of(verifies, verify); }

}  // namespace flashline::config
