#include <algorithm>
#include <cmath>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/build_image.h"
#include "imaging/build/report_words.h"
#include "imaging/core/xml_escape.h"
#include "imaging/trust/expiry.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view style = R"(<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.8rem;word-break:break-all}
.map{display:flex;height:4.5rem;border:1px solid #888;border-radius:4px;overflow:hidden;margin:1rem 0}
.map div{min-width:3px;border-right:1px solid #8886;padding:.2rem .3rem;font-size:.7rem;overflow:hidden;white-space:nowrap}
.fat{background:#4a90d955}.ntfs{background:#5aa86055}.ext4{background:#c9842b55}.raw{background:#9a6fc055}.gap{background:#8882}
.alert{border-left:5px solid #c0392b;background:#c0392b22;padding:.6rem 1rem;margin:1rem 0}
.warn{border-left:5px solid #d68910;background:#d6891022;padding:.4rem 1rem;margin:.4rem 0;font-size:.85rem}
details summary{cursor:pointer}
</style>
)";

std::string size_text(std::uint64_t bytes) {
  if (bytes >= 1_GiB) return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / static_cast<double>(1_GiB));
  if (bytes >= 1_MiB) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / static_cast<double>(1_MiB));
  if (bytes >= 1_KiB) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / static_cast<double>(1_KiB));
  return fmt::format("{} B", bytes);
}

std::string_view class_of(const WrittenPartition& partition) {
  if (partition.file_system.starts_with("FAT")) return "fat";
  if (partition.file_system == "NTFS") return "ntfs";
  if (partition.file_system == "Ext4") return "ext4";
  return "raw";
}

std::string header(const ImageReport& report) {
  return fmt::format(
      "<h1>{} <small>{} · {}</small></h1>\n<p>{}</p>\n<table>\n<tr><th>Board</th><td>{} ({})</td></tr>\n"
      "<tr><th>Version</th><td>{}</td></tr>\n<tr><th>Built</th><td>{}</td></tr>\n<tr><th>Signed "
      "by</th><td>{}</td></tr>\n"
      "<tr><th>Image</th><td>{} for a disk of {}</td></tr>\n<tr><th>Hash table</th><td><code>{}</code></td></tr>\n"
      "</table>\n",
      xml_escaped(report.product), report.config, name_of(report.release), xml_escaped(report.description),
      xml_escaped(report.board), report.arch, report.version, utc_text(report.time),
      report.signer.empty() ? "nobody" : xml_escaped(report.signer), size_text(report.image.ffu.file_size.value),
      size_text(report.image.ffu.disk_size.value), to_hex(report.image.ffu.table_digest));
}

std::string alerts(const ImageReport& report) {
  std::string text;
  if (report.has_stand_ins()) {
    text += fmt::format(
        "<div class=\"alert\"><b>Not for shipping.</b> {} packages and {} manifests are missing; "
        "stand-ins are in their place.</div>\n",
        report.missing.size(), report.missing_manifests.size());
  }
  const auto warn = [&](const std::string& warning) {
    text += fmt::format("<div class=\"warn\">{}</div>\n", xml_escaped(warning));
  };
  for (const std::string& warning : report.warnings) warn(warning);
  for (const UsedCertificate& one : report.certificates) {
    if (const auto sentence = expiry_sentence(one.subject, one.not_after, report.time)) warn(*sentence);
  }
  return text;
}

/// Widths follow the logarithm of sizes: a partition of 8 KiB is seen beside one of 4 GiB.
std::string disk_map(const ImageReport& report) {
  std::string text{"<h2>Disk</h2>\n<div class=\"map\">\n"};
  std::uint64_t at = 0;
  std::vector<const WrittenPartition*> sorted;
  for (const WrittenPartition& one : report.image.partitions) sorted.push_back(&one);
  std::ranges::sort(sorted, {}, [](const WrittenPartition* one) { return std::pair{one->store, one->start.value}; });
  const auto block = [&](std::string_view kind, std::string_view label, std::uint64_t size) {
    text += fmt::format("<div class=\"{}\" style=\"flex:{:.2f}\" title=\"{} {}\">{}</div>\n", kind,
                        std::log2(static_cast<double>(size / 512 + 2)), label, size_text(size), label);
  };
  for (const WrittenPartition* one : sorted) {
    if (one->start.value > at + 16_MiB) block("gap", "", one->start.value - at);
    block(class_of(*one), xml_escaped(one->name), one->length.value);
    at = one->start.value + one->length.value;
  }
  text +=
      "</div>\n<table>\n<tr><th class=\"n\">#</th><th>Partition</th><th>Holds</th><th class=\"n\">Start</th>"
      "<th class=\"n\">Size</th><th class=\"n\">Content</th><th class=\"n\">Files</th></tr>\n";
  for (const WrittenPartition* one : sorted) {
    const std::string holds = !one->file_system.empty() ? one->file_system
                              : one->raw_from.empty()   ? std::string{"nothing"}
                                                        : "image of " + xml_escaped(one->raw_from);
    text += fmt::format(
        "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        one->number, xml_escaped(one->name), holds, size_text(one->start.value), size_text(one->length.value),
        size_text(one->content.value), one->files);
  }
  return text + "</table>\n";
}

std::string packages(const ImageReport& report) {
  std::string text = fmt::format(
      "<h2>Packages ({})</h2>\n<table>\n<tr><th>Package</th><th>Version</th><th>Partition</th>"
      "<th>Release</th><th>Signed by</th><th>Pulled in by</th><th>SHA-256</th></tr>\n",
      report.packages.size());
  for (const ImagePackage& package : report.packages) {
    std::string reasons;
    for (const PullReason& reason : package.wanted.reasons) {
      reasons += fmt::format("{}{} {} {}", reasons.empty() ? "" : "<br>", xml_escaped(reason.manifest),
                             name_of(reason.section), xml_escaped(reason.selector));
    }
    text += fmt::format(
        "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
        xml_escaped(package.wanted.cab), package.stand_in ? " <b>stand-in</b>" : "",
        to_text(package.package.identity.version), xml_escaped(package.package.identity.partition),
        name_of(package.package.identity.release_type),
        package.signature.signer.empty() ? std::string{word_of(package.signature.by)}
                                         : xml_escaped(package.signature.signer),
        reasons, to_hex(package.digest).substr(0, 16));
  }
  return text + "</table>\n";
}

std::string certificates(const ImageReport& report) {
  if (report.certificates.empty()) return {};
  std::string text{"<h2>Certificates</h2>\n<table>\n<tr><th>Signer</th><th>Ends</th><th class=\"n\">Uses</th></tr>\n"};
  for (const UsedCertificate& one : report.certificates) {
    text += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>\n", xml_escaped(one.subject),
                        utc_text(one.not_after), one.uses);
  }
  return text + "</table>\n";
}

std::string missing(const ImageReport& report) {
  if (!report.has_stand_ins()) return {};
  std::string text{"<h2>Stand-ins</h2>\n<table>\n<tr><th>Missing</th><th>Wanted by</th><th>Why</th></tr>\n"};
  for (const std::string& one : report.missing_manifests) {
    text += fmt::format("<tr><td colspan=\"2\">{}</td><td>manifest is not there</td></tr>\n", xml_escaped(one));
  }
  for (const MissingCab& one : report.missing) {
    text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", xml_escaped(one.cab), xml_escaped(one.where),
                        xml_escaped(one.why));
  }
  text += "</table>\n";
  if (report.unknown_features.empty()) return text;
  text += "<details><summary>Features that no manifest defines</summary><ul>\n";
  for (const std::string& one : report.unknown_features) text += fmt::format("<li>{}</li>\n", xml_escaped(one));
  return text + "</ul></details>\n";
}

std::string files(const ImageReport& report) {
  std::string text = fmt::format(
      "<h2>Files</h2>\n<details><summary>{} files</summary>\n<table>\n<tr><th>Partition</th>"
      "<th>Path</th><th class=\"n\">Size</th><th>Package</th></tr>\n",
      report.files.size());
  for (const ImageReport::File& file : report.files) {
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n", xml_escaped(file.partition),
                    xml_escaped(file.path), size_text(file.size), xml_escaped(file.package));
  }
  return text + "</table></details>\n";
}

}  // namespace

std::string report_html(const ImageReport& report) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{} {}</title>\n{}"
      "</head><body>\n{}{}{}{}{}{}{}</body></html>\n",
      xml_escaped(report.product), report.config, style, header(report), alerts(report), disk_map(report),
      missing(report), packages(report), certificates(report), files(report));
}

}  // namespace flashline::imaging
