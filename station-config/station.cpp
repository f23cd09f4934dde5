#include "station-config/station.h"

#include <algorithm>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "station-config/values.h"
#include "station-config/xml_reader.h"

namespace flashline::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_slots = 128;
constexpr std::size_t max_certificates = 64;
constexpr std::size_t max_socket_path = 107;  // sun_path without its end

constexpr Form<bool> boolean{parse_boolean, errc::config_boolean, "true or false"};
constexpr Form<std::uint64_t> size_form{parse_size, errc::config_size, "a size"};
constexpr Form<std::uint64_t> rate_form{parse_rate, errc::config_rate, "a rate"};
constexpr Form<std::chrono::milliseconds> duration{parse_duration, errc::config_duration,
                                                   "a duration of an hour at most"};

const Shape station_shape{
    .attributes = {{"name", true}, {"mode", true}},
    .children = {{"paths"}, {"listen"}, {"trust", 1}, {"boards"}, {"slots", 1}},
};
const Shape paths_shape{.attributes = {{"state"}, {"cache"}, {"logs"}, {"images"}}, .children = {}};
const Shape listen_shape{.attributes = {{"port"}, {"socket"}, {"address"}}, .children = {}};
const Shape trust_shape{
    .attributes = {{"clock"}, {"allow-unsigned"}},
    .children = {{"anchor", 0, max_certificates}, {"pin", 0, max_certificates}},
};
const Shape anchor_shape{.attributes = {{"file", true}, {"release"}}, .children = {}};
const Shape pin_shape{.attributes = {{"sha256", true}}, .children = {}};
const Shape slots_shape{.attributes = {{"stale"}, {"attempts"}}, .children = {{"slot", 1, max_slots}}};
const Shape slot_shape{
    .attributes = {{"name", true}, {"row", true}, {"column", true}},
    .children = {{"port"}, {"file"}, {"block"}, {"virtual"}},
};
const Shape file_shape{.attributes = {{"path", true}, {"size"}}, .children = {}};
const Shape boards_shape{.attributes = {{"folder", true}}, .children = {}};
const Shape port_shape{.attributes = {{"path", true}, {"board", true}}, .children = {}};
const Shape block_shape{.attributes = {{"path", true}}, .children = {}};
const Shape virtual_shape{
    .attributes = {{"path", true},
                   {"size", true},
                   {"rate"},
                   {"read-rate"},
                   {"stall-every"},
                   {"stall"},
                   {"fail-write"},
                   {"lie-write"},
                   {"leave-write"}},
    .children = {},
};

Result<std::string> read_slot_name(const ElementReader& in) {
  const std::string name = in.text_of("name");
  if (is_name(name, 32)) return name;
  return in.error_at("name", errc::config_name, fmt::format("name=\"{}\" is not a name of 1 to 32 characters", name));
}

Result<Paths> read_paths(const std::optional<ElementReader>& in, const fs::path& base) {
  if (!in) return Paths{base / "state", base / "cache", base / "logs", base / "images"};
  FL_CHECK(in->check(paths_shape));
  Paths paths;
  FL_TRY(paths.state, in->path("state", base, "state"));
  FL_TRY(paths.cache, in->path("cache", base, "cache"));
  FL_TRY(paths.logs, in->path("logs", base, "logs"));
  FL_TRY(paths.images, in->path("images", base, "images"));
  return paths;
}

Result<Listen> read_listen(const std::optional<ElementReader>& in, const fs::path& base) {
  Listen listen;
  listen.socket = base / "flashlined.sock";
  if (!in) return listen;
  FL_CHECK(in->check(listen_shape));
  FL_TRY(const auto port, in->number("port", 0, 65535, listen.port));
  listen.port = static_cast<std::uint16_t>(port);
  FL_TRY(listen.socket, in->path("socket", base, "flashlined.sock"));
  if (listen.socket.native().size() > max_socket_path) {
    return in->error_at("socket", errc::config_socket_path,
                        fmt::format("{} has {} bytes", listen.socket.string(), listen.socket.native().size()));
  }
  listen.address = in->text_of("address", listen.address);
  if (listen.address == "127.0.0.1") return listen;
  return in->error_at("address", errc::config_listen_address, fmt::format("address \"{}\" is refused", listen.address));
}

Result<Clock> read_clock(const ElementReader& in) {
  const std::string word = in.text_of("clock", "now");
  if (word == "now") return Clock{};
  if (word == "unchecked") return Clock{.kind = Clock::Kind::unchecked};
  if (const auto at = parse_utc(word)) return Clock{.kind = Clock::Kind::fixed, .at = *at};
  return in.error_at("clock", errc::config_time,
                     fmt::format("clock=\"{}\" is not now, unchecked or a moment in UTC", word));
}

Result<Trust> read_trust(const ElementReader& in, const fs::path& base) {
  FL_CHECK(in.check(trust_shape));
  Trust trust;
  FL_TRY(trust.clock, read_clock(in));
  FL_TRY(trust.allow_unsigned, in.value("allow-unsigned", boolean));
  for (const ElementReader& child : in.children("anchor")) {
    FL_CHECK(child.check(anchor_shape));
    Anchor anchor{.file = {}, .where = child.where()};
    FL_TRY(anchor.file, child.path("file", base));
    FL_TRY(anchor.test, child.choice<bool>("release", {{"production", false}, {"test", true}}, false));
    trust.anchors.push_back(std::move(anchor));
  }
  for (const ElementReader& child : in.children("pin")) {
    FL_CHECK(child.check(pin_shape));
    constexpr Form<Sha256> form{parse_sha256, errc::config_digest, "a SHA-256 digest"};
    FL_TRY(const Sha256 pin, child.value("sha256", form));
    trust.pins.push_back(pin);
  }
  if (trust.anchors.empty() && !trust.allow_unsigned) {
    return in.error(errc::config_nothing_trusted, "no image could ever be accepted: there is no <anchor>");
  }
  return trust;
}

Result<std::optional<std::uint32_t>> read_nth(const ElementReader& in, std::string_view attribute) {
  FL_TRY(const auto n, in.number(attribute, 1, 1000000000, 0));
  if (n == 0) return std::nullopt;
  return static_cast<std::uint32_t>(n);
}

Result<BoardBehaviour> read_behaviour(const ElementReader& in) {
  BoardBehaviour behaviour;
  FL_TRY(behaviour.rate, in.value("rate", rate_form));
  FL_TRY(behaviour.read_rate, in.value("read-rate", rate_form));
  FL_TRY(behaviour.stall_every.value, in.value("stall-every", size_form));
  FL_TRY(behaviour.stall, in.value("stall", duration));
  FL_TRY(behaviour.fail_write, read_nth(in, "fail-write"));
  FL_TRY(behaviour.lie_write, read_nth(in, "lie-write"));
  FL_TRY(behaviour.leave_write, read_nth(in, "leave-write"));
  return behaviour;
}

/// Media are multiples of a sector; 4096 serves both sector sizes.
Result<ByteCount> read_medium_size(const ElementReader& in) {
  FL_TRY(const std::uint64_t size, in.value("size", size_form));
  if (in.find("size") == nullptr) return ByteCount{0};
  if (size == 0 || size % 4096 != 0 || size > std::uint64_t{1} << 50) {
    return in.error_at("size", errc::config_size, fmt::format("size {} is not a multiple of 4096 up to 1024TiB", size));
  }
  return ByteCount{size};
}

Result<Target> read_port(const ElementReader& in) {
  FL_CHECK(in.check(port_shape));
  Target target;
  target.kind = Target::Kind::port;
  target.port = in.text_of("path");
  target.board = in.text_of("board");
  if (!is_port(target.port)) {
    return in.error_at("path", errc::config_port, fmt::format("path=\"{}\" is not the name of a port", target.port));
  }
  if (is_name(target.board, 64)) return target;
  return in.error_at("board", errc::config_name,
                     fmt::format("board=\"{}\" is not a name of 1 to 64 characters", target.board));
}

Result<Target> read_target(const ElementReader& in, const fs::path& base) {
  if (in.name() == "port") return read_port(in);
  Target target;
  if (in.name() == "file") {
    FL_CHECK(in.check(file_shape));
  } else if (in.name() == "block") {
    target.kind = Target::Kind::block;
    FL_CHECK(in.check(block_shape));
  } else {
    target.kind = Target::Kind::virtual_board;
    FL_CHECK(in.check(virtual_shape));
    FL_TRY(target.behaviour, read_behaviour(in));
  }
  FL_TRY(target.path, in.path("path", base));
  const bool device = target.kind == Target::Kind::block;
  if (device && (in.text_of("path")[0] != '/' || !target.path.string().starts_with("/dev/"))) {
    return in.error_at("path", errc::config_path, fmt::format("\"{}\" is not below /dev", in.text_of("path")));
  }
  FL_TRY(target.size, read_medium_size(in));
  return target;
}

Result<Slot> read_slot(const ElementReader& in, const fs::path& base) {
  FL_CHECK(in.check(slot_shape));
  Slot slot;
  slot.where = in.where();
  FL_TRY(slot.name, read_slot_name(in));
  FL_TRY(const auto row, in.number("row", 1, 99, 1));
  FL_TRY(const auto column, in.number("column", 1, 99, 1));
  slot.row = static_cast<std::uint32_t>(row);
  slot.column = static_cast<std::uint32_t>(column);
  std::optional<ElementReader> named;
  for (const std::string_view kind : {"port", "file", "block", "virtual"}) {
    const auto found = in.child(kind);
    if (found && named)
      return found->error(errc::config_slot_target, fmt::format("slot {} has two targets", slot.name));
    if (found) named = found;
  }
  if (!named) return in.error(errc::config_slot_target, fmt::format("slot {} has no target", slot.name));
  FL_TRY(slot.target, read_target(*named, base));
  return slot;
}

Result<fs::path> read_boards(const std::optional<ElementReader>& in, const fs::path& base) {
  if (!in) return base / "boards";
  FL_CHECK(in->check(boards_shape));
  return in->path("folder", base);
}

/// Kernel names move from board to board when a reader is plugged in elsewhere.
bool is_kernel_name(const fs::path& path) {
  const std::string name = path.string();
  return name.starts_with("/dev/sd") || name.starts_with("/dev/mmcblk") || name.starts_with("/dev/nvme");
}

class SlotsReader {
 public:
  SlotsReader(Station& station, const fs::path& base) : station_{station}, base_{base} {}

  Status add(const ElementReader& in) {
    FL_TRY(Slot slot, read_slot(in, base_));
    if (!names_.insert(slot.name).second) {
      return in.error_at("name", errc::config_duplicate_slot, fmt::format("there are two slots named {}", slot.name));
    }
    if (const auto [other, fresh] = targets_.emplace(slot.target.text(), slot.name); !fresh) {
      return in.error(errc::config_duplicate_target, fmt::format("slots {} and {} have the same target {}",
                                                                 other->second, slot.name, slot.target.text()));
    }
    if (slot.target.kind == Target::Kind::port) FL_CHECK(add_port(in, slot));
    if (const auto [other, fresh] = positions_.emplace(std::pair{slot.row, slot.column}, slot.name); !fresh) {
      return in.error_at("row", errc::config_duplicate_position,
                         fmt::format("slots {} and {} are both in row {}, column {}", other->second, slot.name,
                                     slot.row, slot.column));
    }
    if (slot.target.kind == Target::Kind::virtual_board && station_.mode == Mode::production) {
      return in.error(errc::config_virtual_in_production, fmt::format("slot {} is a virtual board", slot.name));
    }
    if (is_kernel_name(slot.target.path)) {
      station_.warnings.push_back(
          fmt::format("{}: {} may name another device after the next start; use /dev/disk/by-path/", slot.where,
                      slot.target.path.string()));
    }
    station_.slots.push_back(std::move(slot));
    return {};
  }

 private:
  /// A socket as a whole is not two slots' with one of its card slots.
  Status add_port(const ElementReader& in, const Slot& slot) {
    const std::size_t hash = slot.target.port.find('#');
    const std::string socket = slot.target.port.substr(0, hash);
    const bool whole = hash == std::string::npos;
    const auto [other, fresh] = sockets_.emplace(socket, std::pair{whole, slot.name});
    if (fresh || (!whole && !other->second.first)) return {};
    return in.error(errc::config_duplicate_target,
                    fmt::format("slots {} and {} share the port {}", other->second.second, slot.name, socket));
  }

  Station& station_;
  const fs::path& base_;
  std::set<std::string> names_;
  std::map<std::string, std::string> targets_;
  std::map<std::string, std::pair<bool, std::string>> sockets_;  // whether as a whole, and whose
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> positions_;
};

Status read_slots(const ElementReader& in, const fs::path& base, Station& station) {
  FL_CHECK(in.check(slots_shape));
  FL_TRY(station.stale, in.choice<StalePolicy>("stale",
                                               {{"zero", StalePolicy::zero},
                                                {"discard-verified", StalePolicy::discard_verified},
                                                {"keep", StalePolicy::keep}},
                                               StalePolicy::discard_verified));
  FL_TRY(const auto attempts, in.number("attempts", 1, 10, 2));
  station.attempts = static_cast<std::uint32_t>(attempts);
  SlotsReader slots{station, base};
  for (const ElementReader& slot : in.children("slot")) FL_CHECK(slots.add(slot));
  return {};
}

void warn(Station& station) {
  const bool production = station.mode == Mode::production;
  if (production && station.trust.allow_unsigned)
    station.warnings.push_back("unsigned images are allowed in production mode");
  if (station.trust.clock.kind == Clock::Kind::unchecked) {
    station.warnings.push_back("the expiry of certificates is not checked");
  }
  if (production && std::ranges::any_of(station.trust.anchors, &Anchor::test)) {
    station.warnings.push_back("test anchors are ignored in production mode");
  }
}

}  // namespace

Result<Station> parse_station(std::string_view xml, const fs::path& file) {
  FL_TRY(const XmlDocument document, parse_rooted(xml, file, "station"));
  const ElementReader root{document, document.root};
  const fs::path base = fs::absolute(file).parent_path();
  FL_CHECK(root.check(station_shape));
  Station station;
  station.name = root.text_of("name");
  if (!is_title(station.name))
    return root.error_at("name", errc::config_title, fmt::format("name=\"{}\"", station.name));
  FL_TRY(station.mode,
         root.choice<Mode>("mode", {{"production", Mode::production}, {"test", Mode::test}}, Mode::production));
  FL_TRY(station.paths, read_paths(root.child("paths"), base));
  FL_TRY(station.listen, read_listen(root.child("listen"), base));
  FL_TRY(station.trust, read_trust(*root.child("trust"), base));
  FL_TRY(station.boards_folder, read_boards(root.child("boards"), base));
  FL_CHECK(read_slots(*root.child("slots"), base, station));
  warn(station);
  return station;
}

Result<Station> load_station(const fs::path& file) {
  FL_TRY(const std::string text, read_text_file(file));
  return parse_station(text, file);
}

Status load_boards(Station& station) {
  for (const Slot& slot : station.slots) {
    if (slot.target.kind != Target::Kind::port || station.board_of(slot) != nullptr) continue;
    auto board = find_board(slot.target.board, station.boards_folder);
    if (!board) return std::unexpected{in_context(slot.where, std::move(board).error())};
    auto complete = check_board_files(*board);
    if (!complete) return std::unexpected{in_context(slot.where, std::move(complete).error())};
    station.boards.push_back(std::move(*board));
  }
  return {};
}

const BoardProfile* Station::board_of(const Slot& slot) const {
  if (slot.target.kind != Target::Kind::port) return nullptr;
  const auto found = std::ranges::find(boards, slot.target.board, &BoardProfile::name);
  return found == boards.end() ? nullptr : &*found;
}

std::string_view to_word(Mode mode) { return mode == Mode::production ? "production" : "test"; }

std::string_view to_word(StalePolicy policy) {
  switch (policy) {
    case StalePolicy::zero:
      return "zero";
    case StalePolicy::discard_verified:
      return "discard-verified";
    case StalePolicy::keep:
      return "keep";
  }
  return "keep";
}

std::string_view to_word(Target::Kind kind) {
  switch (kind) {
    case Target::Kind::file:
      return "file";
    case Target::Kind::block:
      return "block";
    case Target::Kind::virtual_board:
      return "virtual";
    case Target::Kind::port:
      return "port";
  }
  return "file";
}

}  // namespace flashline::config
