#include <spdlog/fmt/fmt.h>

#include "imaging/build/build_image.h"
#include "imaging/build/json_text.h"
#include "imaging/build/report_words.h"
#include "imaging/package/compare_packages.h"
#include "imaging/trust/expiry.h"

namespace flashline::imaging {
namespace {

void put_binaries(JsonText& json, const ImagePackage& package) {
  json.begin_array("programs");
  for (const BinaryFact& binary : package.binaries) {
    json.begin_object();
    json.value("path", binary.path);
    json.value("kernel", binary.kernel_mode);
    json.value("signed_by", word_of(binary.signature.by));
    json.value("signer", binary.signature.signer);
    json.end_object();
  }
  json.end_array();
}

void put_packages(JsonText& json, const ImageReport& report) {
  json.begin_array("packages");
  for (const ImagePackage& package : report.packages) {
    const PackageIdentity& identity = package.package.identity;
    json.begin_object();
    json.value("cab", package.wanted.cab);
    json.value("name", identity.name);
    json.value("version", to_text(identity.version));
    json.value("partition", identity.partition);
    json.value("release", name_of(identity.release_type));
    json.value("owner_type", name_of(identity.owner_type));
    json.value("sha256", to_hex(package.digest));
    json.value("content_sha256", to_hex(content_digest(package.package)));
    json.value("size", package.size);
    json.value("stand_in", package.stand_in);
    json.value("signed_by", word_of(package.signature.by));
    json.value("signer", package.signature.signer);
    put_binaries(json, package);
    json.begin_array("pulled_in_by");
    for (const PullReason& reason : package.wanted.reasons) {
      json.begin_object();
      json.value("manifest", reason.manifest);
      json.value("section", name_of(reason.section));
      json.value("selector", reason.selector);
      json.value("where", reason.where);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void put_partitions(JsonText& json, const ImageReport& report) {
  json.begin_array("partitions");
  for (const WrittenPartition& partition : report.image.partitions) {
    json.begin_object();
    json.value("name", partition.name);
    json.value("number", std::uint64_t{partition.number});
    json.value("store", std::uint64_t{partition.store});
    json.value("file_system", partition.file_system);
    json.value("start", partition.start.value);
    json.value("size", partition.length.value);
    json.value("content", partition.content.value);
    json.value("files", std::uint64_t{partition.files});
    if (!partition.raw_from.empty()) json.value("raw_image_of", partition.raw_from);
    json.end_object();
  }
  json.end_array();
}

void put_files(JsonText& json, const ImageReport& report) {
  json.begin_array("files");
  for (const ImageReport::File& file : report.files) {
    json.begin_object();
    json.value("partition", file.partition);
    json.value("path", file.path);
    json.value("package", file.package);
    json.value("size", file.size);
    json.value("sha256", to_hex(file.digest));
    json.end_object();
  }
  json.end_array();
}

void put_certificates(JsonText& json, const ImageReport& report) {
  json.begin_array("certificates");
  for (const UsedCertificate& one : report.certificates) {
    json.begin_object();
    json.value("subject", one.subject);
    json.value("not_after", utc_text(one.not_after));
    json.value("uses", std::uint64_t{one.uses});
    if (const auto sentence = expiry_sentence(one.subject, one.not_after, report.time)) {
      json.value("warning", *sentence);
    }
    json.end_object();
  }
  json.end_array();
}

void put_lines(JsonText& json, std::string_view name, const std::vector<std::string>& lines) {
  json.begin_array(name);
  for (const std::string& line : lines) json.value({}, line);
  json.end_array();
}

void put_stand_ins(JsonText& json, const ImageReport& report) {
  json.value("shippable", !report.has_stand_ins() && report.release == ReleaseType::production);
  json.begin_array("stand_ins");
  for (const MissingCab& one : report.missing) {
    json.begin_object();
    json.value("cab", one.cab);
    json.value("wanted_by", one.where);
    json.value("why", one.why);
    json.end_object();
  }
  json.end_array();
  put_lines(json, "missing_manifests", report.missing_manifests);
  put_lines(json, "features_without_manifest", report.unknown_features);
}

}  // namespace

std::string report_json(const ImageReport& report) {
  JsonText json;
  json.begin_object();
  json.value("product", report.product);
  json.value("configuration", report.config);
  json.value("release", name_of(report.release));
  json.value("architecture", report.arch);
  json.value("board", report.board);
  json.value("version", report.version);
  json.value("description", report.description);
  json.value("oem_input", report.oem_input);
  json.value("built", utc_text(report.time));
  json.value("signer", report.signer);
  json.value("code_integrity", report.code_integrity ? "enforced" : "not enforced");
  json.begin_object("image");
  json.value("hash_table_sha256", to_hex(report.image.ffu.table_digest));
  json.value("file_size", report.image.ffu.file_size.value);
  json.value("disk_size", report.image.ffu.disk_size.value);
  json.value("blocks", report.image.ffu.blocks);
  json.end_object();
  put_stand_ins(json, report);
  put_lines(json, "warnings", report.warnings);
  put_certificates(json, report);
  put_partitions(json, report);
  put_packages(json, report);
  put_files(json, report);
  json.end_object();
  return json.text();
}

}  // namespace flashline::imaging
