#include "imaging/ffu/write_layout.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/image_header.h"
#include "imaging/ffu/limits.h"
#include "imaging/ffu/security_header.h"
#include "imaging/ffu/write_descriptor.h"

namespace flashline::imaging::ffu {
namespace {

std::unexpected<Error> unwritable(std::string what) { return fail(errc::ffu_unwritable, std::move(what)); }

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

Status check_platform_ids(const std::vector<std::string>& ids) {
  std::size_t size = 0;
  for (const auto& id : ids) {
    if (id.empty() || !is_plain(id)) return unwritable("platform id \"" + id + "\" is not plain ASCII text");
    size += id.size() + 1;
  }
  if (size <= max_platform_ids_size) return {};
  return unwritable("the platform ids take " + std::to_string(size) + " bytes, " +
                    std::to_string(max_platform_ids_size) + " fit");
}

Status check_device_paths(const FfuContent& content) {
  const bool v2 = content.version == FfuVersion::v2;
  if (content.stores.empty() || content.stores.size() > (v2 ? max_stores : 1)) {
    return unwritable(std::to_string(content.stores.size()) + " stores");
  }
  std::set<std::string_view> seen;
  for (const auto& store : content.stores) {
    const std::string& path = store.description.device_path;
    if (!v2 && !path.empty()) return unwritable("V1 has no device path");
    if (!v2) continue;
    if (path.empty() || path.size() > 1024 || !is_plain(path)) return unwritable("device path \"" + path + "\"");
    if (!seen.insert(path).second) return unwritable("two stores for " + path);
  }
  return {};
}

/// A GPT disk may have any size: its last block is then counted from the end.
bool ends_with_a_block(const FfuStore& store) {
  const auto counted = [](const FfuBlock& block) { return block.anchor == Place::Anchor::end; };
  return std::ranges::any_of(store.phases, [&](const FfuPhase& phase) {
    return phase.kind == Phase::Kind::final_table && std::ranges::any_of(phase.blocks, counted);
  });
}

Status check_disk(const FfuStore& store, std::uint32_t block_size) {
  const ManifestStore& description = store.description;
  const std::uint32_t sector = description.sector_size;
  if ((sector != 512 && sector != 4096) || block_size % sector != 0) {
    return unwritable("sectors of " + std::to_string(sector) + " bytes");
  }
  const std::uint64_t sectors = description.min_sector_count.value_or(0);
  const bool whole = sectors * sector % block_size == 0 || ends_with_a_block(store);
  if (sectors == 0 || sectors > UINT64_MAX / 2 / sector || !whole) {
    return unwritable("a smallest target of " + std::to_string(sectors) + " sectors: it must be whole blocks");
  }
  return {};
}

Status check_blocks(const FfuStore& store, std::uint32_t block_size) {
  const std::uint64_t blocks = *store.description.min_sector_count * store.description.sector_size / block_size;
  const Phase::Kind* last = nullptr;
  for (const auto& phase : store.phases) {
    if (last != nullptr && phase.kind <= *last) return unwritable("the phases are not in order");
    last = &phase.kind;
    for (const auto& block : phase.blocks) {
      if (block.index >= blocks)
        return unwritable("block " + std::to_string(block.index) + " lies outside of the disk");
      if (!block.zeros && !store.fill) return unwritable("nobody gives the blocks' content");
    }
  }
  return {};
}

Status check_content(const FfuContent& content) {
  if (!std::has_single_bit(content.block_size) || content.block_size < 1024 || content.block_size > max_chunk) {
    return unwritable("blocks of " + std::to_string(content.block_size) + " bytes");
  }
  FL_CHECK(check_platform_ids(content.manifest.platform_ids));
  FL_CHECK(check_device_paths(content));
  for (const auto& store : content.stores) {
    FL_CHECK(check_disk(store, content.block_size));
    FL_CHECK(check_blocks(store, content.block_size));
  }
  return {};
}

/// The way back shows whether the text says what was meant.
Result<std::string> manifest_text(const FfuContent& content) {
  Manifest manifest = content.manifest;
  manifest.stores.clear();
  for (const auto& store : content.stores) manifest.stores.push_back(store.description);
  auto text = build_manifest(manifest);
  const auto back = parse_manifest(text);
  if (!back) return unwritable("a text of the manifest cannot be expressed: " + back.error().detail);
  if (*back != manifest) return unwritable("a text of the manifest has blanks at its ends, or looks like another line");
  while (!ends_clear(ImageHeader::length + text.size(), content.block_size)) text.append("\r\n");
  if (text.size() > max_manifest) return unwritable("the manifest is too long");
  return text;
}

TableRange* range_of(StoreHeader& header, Phase::Kind kind) {
  switch (kind) {
    case Phase::Kind::initial_table:
      return &header.initial;
    case Phase::Kind::flash_only_table:
      return &header.flash_only;
    case Phase::Kind::final_table:
      return &header.final;
    case Phase::Kind::required_data:
    case Phase::Kind::data:
      break;
  }
  return nullptr;
}

/// Counts and ranges of a store whose first block is repeated.
Result<StoreLayoutOut> lay_out_store(const FfuContent& content, std::size_t index, std::uint32_t repeats) {
  const auto& store = content.stores[index];
  StoreLayoutOut out{.header = {}, .repeats = repeats};
  auto& header = out.header;
  header.format = content.version == FfuVersion::v2 ? StoreFormat::v2 : StoreFormat::v1;
  header.platform_ids = content.manifest.platform_ids;
  header.block_size = content.block_size;
  std::uint64_t blocks = 0;
  for (const auto& phase : store.phases) {
    if (phase.blocks.empty()) continue;
    const std::uint64_t count = phase.blocks.size() + (blocks == 0 ? repeats : 0);
    if (blocks + count > max_entries) return unwritable("too many blocks");
    if (auto* const range = range_of(header, phase.kind)) {
      *range = {static_cast<std::uint32_t>(blocks), static_cast<std::uint32_t>(count)};
    }
    blocks += count;
  }
  header.write_count = static_cast<std::uint32_t>(blocks);
  header.write_length = header.write_count * smallest_entry(header.format);
  header.store_count = static_cast<std::uint16_t>(content.stores.size());
  header.store_index = static_cast<std::uint16_t>(index + 1);
  header.payload_size = blocks * content.block_size;
  header.device_path = store.description.device_path;
  return out;
}

std::uint64_t metadata_size(const StoreHeader& header) {
  return build_store_header(header).size() + header.write_length;
}

/// With as many repeats, from `least` on, as it takes to end clear of a border.
Result<StoreLayoutOut> lay_out_clear(const FfuContent& content, std::size_t index, std::uint32_t least) {
  constexpr std::uint32_t most = 4096;
  for (std::uint32_t repeats = least; repeats < least + most; ++repeats) {
    FL_TRY(auto out, lay_out_store(content, index, repeats));
    const std::uint64_t path_bytes = out.header.device_path.size() * 2;
    if (ends_clear(metadata_size(out.header), content.block_size, path_bytes)) return out;
    if (out.header.write_count == 0) break;
  }
  return unwritable("the metadata of store " + std::to_string(index + 1) + " ends on a border");
}

Result<WriteLayout> lay_out(const FfuContent& content, const std::string& manifest, std::uint32_t first_repeats) {
  WriteLayout layout{.manifest = manifest, .stores = {}};
  const std::uint64_t chunk = content.block_size;
  layout.metadata_chunks = *align_up(ImageHeader::length + manifest.size(), chunk) / chunk;
  for (std::size_t i = 0; i < content.stores.size(); ++i) {
    FL_TRY(auto store, lay_out_clear(content, i, i == 0 ? first_repeats : 0));
    layout.metadata_chunks += *align_up(metadata_size(store.header), chunk) / chunk;
    layout.payload_blocks += store.header.write_count;
    layout.stores.push_back(std::move(store));
  }
  return layout;
}

}  // namespace

Result<WriteLayout> plan_layout(const FfuContent& content, std::uint64_t catalog_size) {
  FL_CHECK(check_content(content));
  FL_TRY(const auto manifest, manifest_text(content));
  // Each repeat adds a digest to the table, which moves the end of the security region by 32 bytes.
  constexpr std::uint32_t most = 64;
  for (std::uint32_t repeats = 0; repeats < most; ++repeats) {
    FL_TRY(auto layout, lay_out(content, manifest, repeats));
    if (layout.hash_table_size() > max_hash_table) return unwritable("the image is too large");
    const std::uint64_t region = SecurityHeader::length + catalog_size + layout.hash_table_size();
    if (ends_clear(region, content.block_size)) return layout;
  }
  return unwritable("the security region ends on a border");
}

}  // namespace flashline::imaging::ffu
