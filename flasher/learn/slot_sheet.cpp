#include "flasher/learn/slot_sheet.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/xml_escape.h"

namespace flashline::line {
namespace {

constexpr std::string_view style =
    "@page{size:A4 landscape;margin:10mm}body{font:14px sans-serif;margin:0}h1{font-size:20px}"
    ".rack{display:grid;gap:4mm}.slot{border:0.5mm solid #000;border-radius:2mm;padding:3mm;break-inside:avoid;"
    "overflow-wrap:anywhere}.slot b{display:block;font-size:40px;line-height:1.1}.slot small{display:block;color:#333}";

}  // namespace

std::vector<SlotLabel> labels_of(const config::Station& station) {
  std::vector<SlotLabel> labels;
  for (const config::Slot& slot : station.slots) {
    labels.push_back({slot.name, slot.row, slot.column, slot.target.text(), slot.target.board});
  }
  return labels;
}

std::string slot_sheet(std::string_view station, const std::vector<SlotLabel>& slots) {
  std::uint32_t columns = 1;
  for (const SlotLabel& slot : slots) columns = std::max(columns, slot.column);
  const std::string title = xml_escaped(station);
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}: slots</title>\n<style>{1}"
      ".rack{{grid-template-columns:repeat({2},1fr)}}</style></head>\n<body><h1>{0}</h1>\n<div class=\"rack\">\n",
      title, style, columns);
  for (const SlotLabel& slot : slots) {
    html += fmt::format(
        "<div class=\"slot\" style=\"grid-row:{0};grid-column:{1}\"><b>{2}</b>row {0}, column {1}"
        "<small>{3}</small><small>{4}</small></div>\n",
        slot.row, slot.column, xml_escaped(slot.name), xml_escaped(slot.board), xml_escaped(slot.target));
  }
  return html + "</div></body></html>\n";
}

}  // namespace flashline::line
