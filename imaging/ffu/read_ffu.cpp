#include "imaging/ffu/read_ffu.h"

#include <algorithm>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/ffu/compressed_payload.h"
#include "imaging/ffu/read_metadata.h"
#include "imaging/ffu/table_facts.h"
#include "imaging/source/plan_view.h"
#include "imaging/trust/verify_catalog.h"

namespace flashline::imaging {
namespace {

using ffu::CompressedPayload;
using ffu::Metadata;
using ffu::Store;
using ffu::StoreFormat;

Result<ByteCount> size_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return fail(errc::image_read, "not a regular file");
  return ByteCount{static_cast<std::uint64_t>(facts.st_size)};
}

Status check_pin(int fd, const TrustPolicy& policy) {
  if (!policy.file_digest) return {};
  FL_TRY(const auto found, digest_of_file(fd));
  if (found == *policy.file_digest) return {};
  return fail(errc::file_digest, "SHA-256 of the file is " + to_hex(found));
}

const char* name_of(StoreFormat format) {
  switch (format) {
    case StoreFormat::v1:
      return "ffu-v1";
    case StoreFormat::v2:
      return "ffu-v2";
    case StoreFormat::v1c:
      break;
  }
  return "ffu-v1c";
}

/// The metadata as an image: plans, facts, content.
class ImageMaker {
 public:
  ImageMaker(FileHandle file, ByteCount size, Metadata metadata)
      : metadata_{std::move(metadata)}, hashes_{metadata_.hashes} {
    image_.facts.file_size = size;
    image_.content.file = std::move(file);
    image_.content.size = size;
  }

  Result<OpenedImage> make();

 private:
  const Store& first() const { return metadata_.stores.front(); }
  void use_compressed_content();
  TargetNeeds needs_of(std::size_t store) const;
  StorePlan plan_of(std::size_t store, std::uint64_t payload_at) const;
  PlanContent content();
  Status add_table_facts();
  void describe();
  void warn(std::string text) {
    if (!text.empty()) image_.facts.warnings.push_back(std::move(text));
  }

  Metadata metadata_;
  HashTable hashes_;  // of the content
  OpenedImage image_;
  CompressedPayload* compressed_ = nullptr;  // owned by image_
};

/// The digests of a compressed image cover file chunks of the metadata, then decompressed blocks: content from offset
/// 0.
void ImageMaker::use_compressed_content() {
  const auto skip = static_cast<std::ptrdiff_t>(metadata_.metadata_chunks);
  hashes_ = {.unit = metadata_.hashes.unit,
             .origin = ByteOffset{0},
             .digests = std::make_shared<std::vector<Sha256>>(metadata_.hashes.digests->begin() + skip,
                                                              metadata_.hashes.digests->end())};
  auto payload = std::make_unique<CompressedPayload>(std::move(image_.content.file), metadata_.payload, first().header,
                                                     first().layout.stored, hashes_);
  compressed_ = payload.get();
  image_.content.size = payload->size();
  image_.content.stream = std::move(payload);
  warn("compressed images are experimental: their format is not documented by its maker");
}

TargetNeeds ImageMaker::needs_of(std::size_t store) const {
  const auto& [header, layout, validation] = metadata_.stores[store];
  TargetNeeds needs;
  needs.platform_ids = header.platform_ids;
  needs.min_size = std::max(layout.begin_end, layout.end_distance);
  if (store >= metadata_.manifest.stores.size()) return needs;
  const auto& described = metadata_.manifest.stores[store];
  needs.sector_size = described.sector_size;
  if (described.min_sector_count) needs.min_size = ByteCount{*described.min_sector_count * described.sector_size};
  return needs;
}

StorePlan ImageMaker::plan_of(std::size_t store, std::uint64_t payload_at) const {
  const auto& from = metadata_.stores[store];
  StorePlan out{.device_path = from.header.device_path, .plan = {}};
  out.plan.phases = from.layout.phases;
  out.plan.hashes = hashes_;
  out.plan.needs = needs_of(store);
  for (auto& phase : out.plan.phases) {
    for (auto& run : phase.runs) run.from += payload_at;
  }
  return out;
}

PlanContent ImageMaker::content() {
  if (compressed_ == nullptr) return content_of(image_.content.file.get(), image_.content.size);
  return {[payload = compressed_](ByteOffset at, std::span<std::byte> out) { return payload->read_at(at, out); },
          image_.content.size};
}

/// Looks at the partition table that each store leaves on the target, which needs a few payload chunks, and makes plans
/// safe that are not.
Status ImageMaker::add_table_facts() {
  for (std::size_t i = 0; i < image_.stores.size(); ++i) {
    auto& [path, plan] = image_.stores[i];
    const auto& store = metadata_.stores[i];
    FL_TRY(auto table, ffu::read_table_facts(plan, content()));
    plan.needs.gpt_size = table.gpt_size;
    if (!store.layout.guarded && table.places) {
      plan.phases = ffu::with_tables_last(plan.phases, *table.places, store.header.block_size);
    } else if (!store.layout.guarded && table.kind != "none") {
      warn("the image does not say which blocks are its tables: an interrupted board might boot");
    }
    for (auto& text : table.warnings) warn(std::move(text));
    if (i > 0) continue;
    image_.facts.table = table.kind;
    image_.facts.partitions = std::move(table.partitions);
  }
  return {};
}

void ImageMaker::describe() {
  auto& facts = image_.facts;
  facts.format = name_of(first().header.format);
  facts.description = metadata_.manifest.description;
  const auto& needs = image_.stores.front().plan.needs;
  facts.disk_size = needs.gpt_size.value_or(needs.min_size);
  for (auto& text : metadata_.warnings) warn(std::move(text));
  if (!metadata_.targeting.empty()) {
    warn("the image names the devices it is for by " + std::to_string(metadata_.targeting.size()) +
         " targeting records, which are not compared with the board");
  }
  for (const auto& store : metadata_.stores) warn(ffu::overlap_warning(store.layout.phases));
  for (const auto& store : image_.stores) {
    if (ffu::collisions(store.plan, store.plan.needs.min_size).empty()) continue;
    warn("on a medium of the smallest size, blocks counted from the end fall on blocks counted from the beginning");
  }
}

Result<OpenedImage> ImageMaker::make() {
  const bool is_compressed = first().header.format == StoreFormat::v1c;
  if (is_compressed) use_compressed_content();
  std::uint64_t payload_at = is_compressed ? 0 : metadata_.payload.value;
  for (std::size_t i = 0; i < metadata_.stores.size(); ++i) {
    image_.stores.push_back(plan_of(i, payload_at));
    payload_at += metadata_.stores[i].layout.blocks * metadata_.stores[i].header.block_size;
  }
  FL_CHECK(add_table_facts());
  describe();
  return std::move(image_);
}

/// What this program does not do with an image that is well formed.
Status check_supported(const Metadata& metadata, const OpenOptions& options) {
  const bool compressed = metadata.stores.front().header.format == StoreFormat::v1c;
  if (compressed && !options.experimental) return fail(errc::ffu_experimental, "the image is compressed");
  for (const auto& store : metadata.stores) {
    if (store.header.partial_update) return fail(errc::ffu_partial_update, "the image is a partial update");
  }
  return {};
}

/// Whoever signed it: an image that holds test content is not for production.
Status check_test_release(const Manifest& manifest, const TrustPolicy& policy, TrustVerdict& verdict) {
  if (policy.mode != TrustMode::production || !is_test_release(manifest)) return {};
  const auto refusal = fail(errc::test_release, "the image says of itself that it is a test release");
  if (!policy.inspect_only) return refusal;
  if (!verdict.refusal) verdict.refusal = refusal.error();
  return {};
}

Result<OpenedImage> open(FileHandle file, const OpenOptions& options) {
  FL_TRY(const auto size, size_of(file.get()));
  FL_TRY(const auto region, ffu::read_security_region(file.get(), size));
  FL_TRY(auto verdict, verify_catalog(region.catalog, region.hash_table, options.trust));
  FL_CHECK(check_pin(file.get(), options.trust));
  FL_TRY(auto metadata, ffu::read_metadata(file.get(), size, region));
  FL_CHECK(check_test_release(metadata.manifest, options.trust, verdict));
  FL_CHECK(check_supported(metadata, options));
  FL_TRY(auto image, ImageMaker(std::move(file), size, std::move(metadata)).make());
  image.facts.trust = std::move(verdict);
  image.facts.digest = sha256(region.hash_table);
  return image;
}

}  // namespace

bool is_ffu(std::span<const std::byte> bytes) { return ffu::looks_like_ffu(bytes); }

Result<OpenedImage> open_ffu(FileHandle file, const std::filesystem::path& path, const OpenOptions& options) {
  auto image = open(std::move(file), options);
  if (!image) return std::unexpected{in_context(path.string(), std::move(image).error())};
  return image;
}

}  // namespace flashline::imaging
