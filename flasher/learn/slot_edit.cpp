#include "flasher/learn/slot_edit.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/config.h"
#include "imaging/core/xml_document.h"
#include "imaging/core/xml_escape.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

constexpr XmlRules rules{
    1 << 20, 16, errc::config_too_large, errc::config_encoding, errc::config_not_well_formed, errc::config_doctype};

const XmlElement* child_of(const XmlElement& element, std::string_view name) {
  const auto found = std::ranges::find(element.children, name, &XmlElement::name);
  return found == element.children.end() ? nullptr : &*found;
}

std::string attribute_of(const XmlElement& element, std::string_view name) {
  const auto found = std::ranges::find(element.attributes, name, &XmlAttribute::name);
  return found == element.attributes.end() ? std::string{} : found->value;
}

std::uint32_t number_of(const std::string& text) {
  std::uint32_t value = 1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Behind the tag that begins at `at` (a '<'); attribute values may hold '>'.
std::size_t end_of_tag(std::string_view xml, std::size_t at) {
  char quote = 0;
  for (; at < xml.size(); ++at) {
    if (quote != 0) {
      if (xml[at] == quote) quote = 0;
    } else if (xml[at] == '"' || xml[at] == '\'') {
      quote = xml[at];
    } else if (xml[at] == '>') {
      return at + 1;
    }
  }
  return xml.size();
}

/// What is no element: skipped as a whole.
std::optional<std::size_t> end_of_other(std::string_view xml, std::size_t at) {
  struct Other {
    std::string_view opens;
    std::string_view closes;
  };
  constexpr std::array others{Other{"<!--", "-->"}, Other{"<![CDATA[", "]]>"}, Other{"<?", "?>"}};
  for (const Other& other : others) {
    if (!xml.substr(at).starts_with(other.opens)) continue;
    const std::size_t end = xml.find(other.closes, at);
    return end == std::string_view::npos ? xml.size() : end + other.closes.size();
  }
  return std::nullopt;
}

/// Where an element stands in a well-formed text: its '<', the place of its end tag (that of its end where it has
/// none), and its end.
struct Extent {
  std::size_t begin = 0;
  std::size_t end_tag = 0;
  std::size_t end = 0;
};

Extent extent_of(std::string_view xml, const XmlElement& element) {
  Extent extent{.begin = element.offset - 1};
  int depth = 0;
  for (std::size_t at = extent.begin; at < xml.size();) {
    if (xml[at] != '<') {
      ++at;
      continue;
    }
    if (const auto skipped = end_of_other(xml, at)) {
      at = *skipped;
      continue;
    }
    const std::size_t end = end_of_tag(xml, at);
    const bool closes = xml[at + 1] == '/';
    const bool whole = xml[end - 2] == '/';
    depth += closes ? -1 : whole ? 0 : 1;
    if (depth == 0) return {extent.begin, whole && !closes ? end : at, end};
    at = end;
  }
  return {extent.begin, xml.size(), xml.size()};
}

/// The white space before `at`, back to the line's begin.
std::string indent_before(std::string_view xml, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && (xml[begin - 1] == ' ' || xml[begin - 1] == '\t')) --begin;
  return std::string{xml.substr(begin, at - begin)};
}

std::string port_text(const LearnedSlot& learned) {
  return fmt::format("<port path=\"{}\" board=\"{}\"/>", xml_escaped(to_text(learned.port)),
                     xml_escaped(learned.slot.board));
}

std::string slot_text(const LearnedSlot& learned) {
  return fmt::format("<slot name=\"{}\" row=\"{}\" column=\"{}\">{}</slot>", xml_escaped(learned.slot.name),
                     learned.slot.row, learned.slot.column, port_text(learned));
}

struct Edit {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
};

const XmlElement* slot_named(const XmlElement& slots, std::string_view name) {
  const auto found =
      std::ranges::find_if(slots.children, [&](const XmlElement& slot) { return attribute_of(slot, "name") == name; });
  return found == slots.children.end() ? nullptr : &*found;
}

/// New slots stand behind the last one, or inside a <slots> that is empty.
Edit edit_for_new(std::string_view xml, const XmlElement& slots, const std::vector<LearnedSlot>& fresh) {
  const Extent outer = extent_of(xml, slots);
  const std::string inset = indent_before(xml, outer.begin);
  const std::string indent =
      slots.children.empty() ? inset + "  " : indent_before(xml, slots.children.back().offset - 1);
  std::string text;
  for (const LearnedSlot& learned : fresh) text += "\n" + indent + slot_text(learned);
  if (!slots.children.empty()) {
    const std::size_t end = extent_of(xml, slots.children.back()).end;
    return {end, end, text};
  }
  if (outer.end_tag == outer.end) {  // <slots/>
    return {outer.end - 2, outer.end, fmt::format(">{}\n{}</slots>", text, inset)};
  }
  return {end_of_tag(xml, outer.begin), outer.end_tag, fmt::format("{}\n{}", text, inset)};
}

std::string edited(std::string xml, std::vector<Edit> edits) {
  std::ranges::sort(edits, std::greater{}, &Edit::begin);
  for (const Edit& edit : edits) xml.replace(edit.begin, edit.end - edit.begin, edit.text);
  return xml;
}

Result<XmlDocument> read_document(std::string_view xml, const fs::path& file) {
  FL_TRY(XmlDocument document, parse_xml(xml, file.string(), rules));
  if (document.root.name == "station" && child_of(document.root, "slots") != nullptr) return document;
  return document.error(errc::config_root, document.root.offset, "this is no <station> with <slots>");
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Result<std::vector<WrittenSlot>> written_slots(std::string_view xml, const fs::path& file) {
  FL_TRY(const XmlDocument document, read_document(xml, file));
  std::vector<WrittenSlot> all;
  for (const XmlElement& element : child_of(document.root, "slots")->children) {
    WrittenSlot slot{.name = attribute_of(element, "name"), .port = {}, .board = {}};
    slot.row = number_of(attribute_of(element, "row"));
    slot.column = number_of(attribute_of(element, "column"));
    if (const XmlElement* port = child_of(element, "port")) {
      slot.port = attribute_of(*port, "path");
      slot.board = attribute_of(*port, "board");
    }
    all.push_back(std::move(slot));
  }
  // What else is wrong is said now, and not when all boards were plugged in.
  if (!all.empty()) FL_CHECK(config::parse_station(xml, file));
  return all;
}

Result<std::string> with_ports(const std::string& xml, const fs::path& file, const std::vector<LearnedSlot>& slots) {
  FL_TRY(const XmlDocument document, read_document(xml, file));
  const XmlElement& list = *child_of(document.root, "slots");
  std::vector<Edit> edits;
  std::vector<LearnedSlot> fresh;
  for (const LearnedSlot& learned : slots) {
    const XmlElement* there = slot_named(list, learned.slot.name);
    if (there == nullptr) {
      fresh.push_back(learned);
    } else if (!there->children.empty()) {
      const Extent target = extent_of(xml, there->children.front());
      edits.push_back({target.begin, target.end, port_text(learned)});
    }
  }
  if (!fresh.empty()) edits.push_back(edit_for_new(xml, list, fresh));
  std::string text = edited(xml, std::move(edits));
  FL_CHECK(config::parse_station(text, file));
  return text;
}

std::vector<std::string> changed_lines(std::string_view before, std::string_view after) {
  const auto old = lines_of(before);
  const auto fresh = lines_of(after);
  // Longest common part from each pair of places on: files of a few hundred lines.
  std::vector<std::vector<std::size_t>> common(old.size() + 1, std::vector<std::size_t>(fresh.size() + 1));
  for (std::size_t i = old.size(); i-- > 0;) {
    for (std::size_t j = fresh.size(); j-- > 0;) {
      common[i][j] = old[i] == fresh[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old.size() || j < fresh.size()) {
    if (i < old.size() && j < fresh.size() && old[i] == fresh[j]) {
      ++i;
      ++j;
    } else if (j == fresh.size() || (i < old.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back(fmt::format("-{}", old[i++]));
    } else {
      lines.push_back(fmt::format("+{}", fresh[j++]));
    }
  }
  return lines;
}

Result<std::string> whole_file(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail(errc::config_open, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

Status replace_file(const fs::path& file, const std::string& before, const std::string& text) {
  FL_TRY(const std::string now, whole_file(file));
  if (now != before) return fail(errc::config_changed, fmt::format("{} was changed meanwhile", file.string()));
  const auto failed = [&] {
    return fail(errc::config_open, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  };
  // A link stays one: what it leads to is replaced.
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  const std::string draft = real.string() + ".new";
  struct stat was{};
  if (error || ::stat(real.c_str(), &was) != 0) return failed();
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  written = written && ::fchmod(fd, was.st_mode & 07777) == 0 && ::fsync(fd) == 0;
  // Only root may give a file away; then its owner keeps it.
  if (::geteuid() == 0) written = written && ::fchown(fd, was.st_uid, was.st_gid) == 0;
  written = ::close(fd) == 0 && written;
  if (written && ::rename(draft.c_str(), real.c_str()) == 0) return {};
  const int reason = errno;
  ::unlink(draft.c_str());
  errno = reason;
  return failed();
}

}  // namespace flashline::line
