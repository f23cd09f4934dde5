#pragma once
// What other tools say of a table that was written, in a form that can be compared with a layout.

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "imaging/layout/lay_out.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {

/// `sfdisk --dump` without its spaces, the image's name and the grain that it would itself use on a disk of that size:
/// "4:start=81920,size=100,type=7".
inline std::vector<std::string> sfdisk_dump(const std::filesystem::path& image) {
  const ToolRun run = run_tool("sfdisk --dump " + image.string());
  std::vector<std::string> lines;
  std::string line;
  bool quoted = false;
  for (const char c : run.output + "\n") {
    if (c == '"') quoted = !quoted;
    if (c != '\n') {
      if (c != ' ' || quoted) line += c;
      continue;
    }
    if (line.starts_with(image.string())) line.erase(0, image.string().size());
    if (!line.empty() && !line.starts_with("device:") && !line.starts_with("grain:")) lines.push_back(line);
    line.clear();
  }
  return lines;
}

inline std::string dump_line(const StoreLayout& store, const PlacedPartition& partition) {
  std::string line = std::to_string(partition.number) + ":start=" + std::to_string(partition.place.first) +
                     ",size=" + std::to_string(partition.place.count) + ",type=";
  if (store.style == TableStyle::mbr) {
    char type[8];
    std::snprintf(type, sizeof type, "%x", static_cast<unsigned>(std::get<std::uint8_t>(partition.type)));
    return line + type + (partition.bootable ? ",bootable" : "");
  }
  line +=
      to_text(std::get<Guid>(partition.type)) + ",uuid=" + to_text(partition.id) + ",name=\"" + partition.name + "\"";
  std::string bits;
  if (partition.read_only) bits += ",60";
  if (partition.hidden) bits += ",62";
  if (!partition.attach_drive_letter) bits += ",63";
  return bits.empty() ? line : line + ",attrs=\"GUID:" + bits.substr(1) + "\"";
}

/// What sfdisk has to say of `store`.
inline std::vector<std::string> expected_dump(const StoreLayout& store) {
  const bool gpt = store.style == TableStyle::gpt;
  char signature[16];
  std::snprintf(signature, sizeof signature, "0x%08x", store.disk_signature);
  std::vector<std::string> lines{gpt ? "label:gpt" : "label:dos",
                                 "label-id:" + (gpt ? to_text(store.disk_guid) : std::string{signature}),
                                 "unit:sectors"};
  if (gpt) {
    lines.push_back("first-lba:" + std::to_string(store.first_usable));
    lines.push_back("last-lba:" + std::to_string(store.last_usable));
    if (store.entry_count != 128) lines.push_back("table-length:" + std::to_string(store.entry_count));
  }
  lines.emplace_back("sector-size:512");
  for (const PlacedPartition& partition : store.partitions) {
    if (partition.number == 5 && store.extended) {
      lines.push_back("4:start=" + std::to_string(store.extended->first) +
                      ",size=" + std::to_string(store.extended->count) + ",type=f");
    }
    lines.push_back(dump_line(store, partition));
  }
  return lines;
}

}  // namespace flashline::imaging
