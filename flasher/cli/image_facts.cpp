#include "flasher/cli/image_facts.h"

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/progress.h"
#include "imaging/core/errors/trust.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

std::string line_of(std::string_view name, std::string_view value) { return fmt::format("{:<12}{}", name, value); }

std::string exact_size(ByteCount size) { return fmt::format("{} ({} bytes)", size_text(size), size.value); }

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += text.empty() ? part : ", " + part;
  return text;
}

json::value optional_hex(const std::optional<Sha256>& digest) {
  return digest ? json::value(to_hex(*digest)) : json::value(nullptr);
}

json::object trust_json(const imaging::TrustVerdict& verdict) {
  json::object trust{{"signed", verdict.is_signed}, {"trusted", verdict.is_signed && !verdict.refusal},
                     {"signer", nullptr},           {"signer_sha256", nullptr},
                     {"anchor", nullptr},           {"test_signed", verdict.test_signed},
                     {"not_after", nullptr},        {"refusal", nullptr}};
  if (verdict.is_signed) {
    trust["signer"] = verdict.signer;
    trust["signer_sha256"] = to_hex(verdict.signer_digest);
    trust["not_after"] = utc_text(verdict.not_after);
  }
  if (!verdict.anchor.empty()) trust["anchor"] = verdict.anchor;
  if (const auto& refusal = verdict.refusal) {
    trust["refusal"] = {
        {"code", code_of(refusal->code)}, {"text", refusal->detail}, {"advice", advice_of(refusal->code)}};
  }
  return trust;
}

json::array partitions_json(const imaging::ImageFacts& facts) {
  json::array partitions;
  for (const imaging::PartitionFact& one : facts.partitions) {
    partitions.push_back({{"number", partitions.size() + 1},
                          {"name", one.name},
                          {"type", one.type},
                          {"start", one.start.value},
                          {"length", one.length.value}});
  }
  return partitions;
}

json::array stores_json(const imaging::OpenedImage& image) {
  json::array stores;
  for (const imaging::StorePlan& store : image.stores) {
    const imaging::TargetNeeds& needs = store.plan.needs;
    stores.push_back({{"number", stores.size() + 1},
                      {"device_path", store.device_path},
                      {"min_size", needs.min_size.value},
                      {"gpt_size", needs.gpt_size ? json::value(needs.gpt_size->value) : json::value(nullptr)},
                      {"sector_size", needs.sector_size},
                      {"platform_ids", json::value_from(needs.platform_ids)},
                      {"phases", store.plan.phases.size()},
                      {"bytes_written", imaging::bytes_written(store.plan).value}});
  }
  return stores;
}

std::vector<std::string> store_lines(const imaging::OpenedImage& image) {
  std::vector<std::string> lines;
  for (const imaging::StorePlan& store : image.stores) {
    const imaging::TargetNeeds& needs = store.plan.needs;
    if (image.stores.size() > 1) {
      lines.push_back(line_of(fmt::format("store {}", (&store - image.stores.data()) + 1), store.device_path));
    }
    lines.push_back(line_of("needs", fmt::format("{}, sectors of {}", exact_size(needs.min_size), needs.sector_size)));
    if (!needs.platform_ids.empty()) lines.push_back(line_of("platforms", join(needs.platform_ids)));
    lines.push_back(line_of("writes", fmt::format("{} in {} phases", exact_size(imaging::bytes_written(store.plan)),
                                                  store.plan.phases.size())));
  }
  return lines;
}

}  // namespace

std::string utc_text(std::time_t when) {
  std::tm utc{};
  gmtime_r(&when, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string trust_sentence(const imaging::TrustVerdict& verdict, bool asked) {
  if (!verdict.is_signed) return "not signed";
  const std::string signer = fmt::format("signed by {} until {}", verdict.signer, utc_text(verdict.not_after));
  if (!verdict.refusal)
    return fmt::format("{}, trusted by {}{}", signer, verdict.anchor, verdict.test_signed ? " (test)" : "");
  if (!asked && verdict.refusal->code == errc::untrusted_chain)
    return signer + ", not checked: name whom to trust with --trust";
  return fmt::format("{}, NOT TRUSTED: {}", signer, verdict.refusal->detail);
}

std::vector<std::string> facts_lines(const std::string& path, const imaging::OpenedImage& image, bool asked) {
  const imaging::ImageFacts& facts = image.facts;
  std::vector<std::string> lines{line_of("file", path), line_of("size", exact_size(facts.file_size)),
                                 line_of("format", facts.format)};
  if (!facts.description.empty()) lines.push_back(line_of("description", facts.description));
  lines.push_back(line_of("trust", trust_sentence(facts.trust, asked)));
  if (facts.trust.is_signed) lines.push_back(line_of("certificate", "SHA-256 " + to_hex(facts.trust.signer_digest)));
  if (facts.digest) lines.push_back(line_of("digest", to_hex(*facts.digest)));
  if (facts.disk_size) lines.push_back(line_of("disk", exact_size(*facts.disk_size)));
  if (!facts.table.empty()) lines.push_back(line_of("table", facts.table));
  for (std::string& line : store_lines(image)) lines.push_back(std::move(line));
  for (const imaging::PartitionFact& one : facts.partitions) {
    lines.push_back(line_of(fmt::format("partition {}", (&one - facts.partitions.data()) + 1),
                            fmt::format("{} at {}, {}, type {}", one.name.empty() ? "(no name)" : one.name,
                                        one.start.value, exact_size(one.length), one.type)));
  }
  return lines;
}

std::string facts_json(const std::string& path, const imaging::OpenedImage& image, std::string_view type) {
  const imaging::ImageFacts& facts = image.facts;
  json::object out{{"type", type},
                   {"path", path},
                   {"format", facts.format},
                   {"file_size", facts.file_size.value},
                   {"disk_size", facts.disk_size ? json::value(facts.disk_size->value) : json::value(nullptr)},
                   {"table", facts.table},
                   {"description", facts.description},
                   {"digest", optional_hex(facts.digest)}};
  out["trust"] = trust_json(facts.trust);
  out["stores"] = stores_json(image);
  out["partitions"] = partitions_json(facts);
  out["warnings"] = json::value_from(facts.warnings);
  return json::serialize(out);
}

}  // namespace flashline::line
