#include "imaging/filesystem/registry/build_hive.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/registry/hive_format.h"

namespace flashline::imaging {
namespace {

using namespace hive;

std::uint64_t file_time(std::time_t time) {
  constexpr std::int64_t from_1601_to_1970 = 11'644'473'600;
  return static_cast<std::uint64_t>(time + from_1601_to_1970) * 10'000'000;
}

void store64(std::span<std::byte> bytes, std::uint64_t value) {
  store32(bytes, static_cast<std::uint32_t>(value));
  store32(bytes.subspan(4), static_cast<std::uint32_t>(value >> 32U));
}

void store_text(std::span<std::byte> bytes, std::string_view text) {
  std::ranges::transform(text, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
}

/// One byte a character when every one of them is Latin-1.
bool is_latin1(std::u16string_view name) {
  return std::ranges::all_of(name, [](char16_t unit) { return unit <= 0xFF; });
}
std::size_t stored_size(std::u16string_view name) { return is_latin1(name) ? name.size() : name.size() * 2; }

void store_name(std::span<std::byte> bytes, std::u16string_view name) {
  const std::size_t width = is_latin1(name) ? 1 : 2;
  for (std::size_t i = 0; i < name.size(); ++i) {
    bytes[i * width] = static_cast<std::byte>(name[i] & 0xFFU);
    if (width == 2) bytes[i * 2 + 1] = static_cast<std::byte>(name[i] >> 8U);
  }
}

class HiveWriter {
 public:
  HiveWriter(const RegistryTree& tree, std::time_t time)
      : tree_{tree}, time_{file_time(time)}, descriptors_(tree.descriptors().size()) {}

  Result<std::vector<std::byte>> run(std::string_view name, std::uint64_t max_bytes) {
    out_.resize(block_size);
    const std::uint32_t root = key(tree_.root(), no_cell);
    close_bin();
    link_descriptors();
    // Looked at in the end: until then cell numbers that wrapped around only spoil what nobody will get.
    if (out_.size() > max_bytes) {
      return fail(errc::hive_too_large, fmt::format("'{}' needs {} bytes of at most {}", name, out_.size(), max_bytes));
    }
    if (largest_value_ > max_segments * segment_size) {
      return fail(errc::hive_too_large, fmt::format("'{}' has a value of {} bytes", name, largest_value_));
    }
    base_block(root, name);
    return std::move(out_);
  }

 private:
  /// The bytes behind a cell's size. Valid until the next cell is made.
  std::span<std::byte> at(std::uint32_t cell) { return std::span{out_}.subspan(block_size + cell + cell_header_size); }

  /// A new cell for `size` bytes, all zero.
  std::uint32_t make_cell(std::size_t size) {
    const std::size_t whole = *align_up(size + cell_header_size, 8);
    if (whole > out_.size() - free_) open_bin(whole);
    const auto cell = static_cast<std::uint32_t>(free_ - block_size);
    store32(std::span{out_}.subspan(free_), static_cast<std::uint32_t>(-static_cast<std::int64_t>(whole)));
    free_ += whole;
    return cell;
  }

  void open_bin(std::size_t cell) {
    close_bin();
    const std::size_t start = out_.size();
    const std::size_t size = *align_up(cell + bin_header_size, block_size);
    out_.resize(start + size);
    const auto bin = std::span{out_}.subspan(start);
    store_text(bin, "hbin");
    store32(bin.subspan(4), static_cast<std::uint32_t>(start - block_size));
    store32(bin.subspan(8), static_cast<std::uint32_t>(size));
    if (start == block_size) store64(bin.subspan(20), time_);
    free_ = start + bin_header_size;
  }
  /// What is left of the bin is a free cell.
  void close_bin() {
    if (free_ < out_.size()) store32(std::span{out_}.subspan(free_), static_cast<std::uint32_t>(out_.size() - free_));
    free_ = out_.size();
  }

  std::uint32_t key(const TreeKey& key, std::uint32_t parent) {
    const bool is_root = parent == no_cell;
    const std::uint32_t cell = make_cell(key_size + stored_size(key.name));
    unsigned flags = key.flags | (is_latin1(key.name) ? key_flag::latin1_name : 0U);
    if (is_root) flags |= key_flag::hive_entry | key_flag::no_delete;
    auto fields = at(cell);
    store_text(fields, "nk");
    store16(fields.subspan(2), flags);
    store64(fields.subspan(4), time_);
    store32(fields.subspan(16), parent);
    for (const std::size_t none : {28U, 32U, 40U, 48U}) store32(fields.subspan(none), no_cell);
    store16(fields.subspan(72), static_cast<std::uint32_t>(stored_size(key.name)));
    store_name(fields.subspan(key_size), key.name);
    put(cell, 44, security(key.security));
    class_name(key, cell);
    values(key, cell);
    subkeys(key, cell);
    return cell;
  }
  void put(std::uint32_t cell, std::size_t field, std::size_t value) {
    store32(at(cell).subspan(field), static_cast<std::uint32_t>(value));
  }

  void class_name(const TreeKey& key, std::uint32_t cell) {
    if (key.class_name.empty()) return;
    const std::uint32_t data = bytes(key.class_name);
    put(cell, 48, data);
    store16(at(cell).subspan(74), static_cast<std::uint32_t>(key.class_name.size()));
  }

  void values(const TreeKey& key, std::uint32_t cell) {
    if (key.values.empty()) return;
    const std::uint32_t list = make_cell(4 * key.values.size());
    std::size_t at_list = 0, longest_name = 0, longest_data = 0;
    for (const auto& [folded, one] : key.values) {
      const std::uint32_t made = value(one);
      put(list, at_list, made);
      at_list += 4;
      longest_name = std::max(longest_name, one.name.size() * 2);
      longest_data = std::max(longest_data, one.data.size());
    }
    largest_value_ = std::max(largest_value_, longest_data);
    put(cell, 36, key.values.size());
    put(cell, 40, list);
    put(cell, 60, longest_name);
    put(cell, 64, longest_data);
  }

  std::uint32_t value(const TreeValue& value) {
    const std::uint32_t cell = make_cell(value_size + stored_size(value.name));
    const auto fields = at(cell);
    store_text(fields, "vk");
    store16(fields.subspan(2), static_cast<std::uint32_t>(stored_size(value.name)));
    store32(fields.subspan(12), static_cast<std::uint32_t>(value.type));
    store16(fields.subspan(16), !value.name.empty() && is_latin1(value.name) ? latin1_value_name : 0U);
    store_name(fields.subspan(value_size), value.name);
    if (value.data.size() <= 4) {
      put(cell, 4, value.data.size() | data_inline);
      std::ranges::copy(value.data, fields.begin() + 8);
    } else {
      put(cell, 4, value.data.size());
      put(cell, 8, value.data.size() > segment_size ? big_data(value.data) : bytes(value.data));
    }
    return cell;
  }

  std::uint32_t bytes(std::span<const std::byte> data, std::size_t footer = 0) {
    const std::uint32_t cell = make_cell(data.size() + footer);
    std::ranges::copy(data, at(cell).begin());
    return cell;
  }

  std::uint32_t big_data(std::span<const std::byte> data) {
    const std::size_t count = (data.size() + segment_size - 1) / segment_size;
    const std::uint32_t cell = make_cell(8);
    const std::uint32_t list = make_cell(4 * count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto rest = data.subspan(i * segment_size);
      put(list, 4 * i, bytes(rest.first(std::min(segment_size, rest.size())), segment_footer));
    }
    store_text(at(cell), "db");
    store16(at(cell).subspan(2), static_cast<std::uint32_t>(count & 0xFFFFU));
    put(cell, 4, list);
    return cell;
  }

  void subkeys(const TreeKey& key, std::uint32_t cell) {
    if (key.keys.empty()) return;
    std::vector<Named> made;
    std::size_t longest = 0;
    for (const auto& [folded, child] : key.keys) {
      made.push_back({name_hash(child->name), this->key(*child, cell)});
      longest = std::max(longest, child->name.size() * 2);
    }
    put(cell, 20, made.size());
    put(cell, 28, made.size() <= max_hash_leaf ? leaf(made) : index(made));
    put(cell, 52, longest);
  }

  struct Named {
    std::uint32_t hash, cell;
  };
  std::uint32_t leaf(std::span<const Named> keys) {
    const std::uint32_t cell = list("lh", keys.size(), 8);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      put(cell, list_header_size + 8 * i, keys[i].cell);
      put(cell, list_header_size + 8 * i + 4, keys[i].hash);
    }
    return cell;
  }
  std::uint32_t index(std::span<const Named> keys) {
    std::vector<std::uint32_t> leaves;
    for (std::size_t at = 0; at < keys.size(); at += max_hash_leaf) {
      leaves.push_back(leaf(keys.subspan(at, std::min(max_hash_leaf, keys.size() - at))));
    }
    const std::uint32_t cell = list("ri", leaves.size(), 4);
    for (std::size_t i = 0; i < leaves.size(); ++i) put(cell, list_header_size + 4 * i, leaves[i]);
    return cell;
  }
  std::uint32_t list(std::string_view kind, std::size_t count, std::size_t width) {
    const std::uint32_t cell = make_cell(list_header_size + width * count);
    store_text(at(cell), kind);
    store16(at(cell).subspan(2), static_cast<std::uint32_t>(count & 0xFFFFU));
    return cell;
  }

  /// The cell of a descriptor, made when a first key needs it.
  std::uint32_t security(std::uint32_t number) {
    Descriptor& known = descriptors_[number];
    if (known.keys++ > 0) return known.cell;
    const auto& bytes = tree_.descriptors()[number];
    known.cell = make_cell(security_size + bytes.size());
    store_text(at(known.cell), "sk");
    put(known.cell, 16, bytes.size());
    std::ranges::copy(bytes, at(known.cell).begin() + security_size);
    in_use_.push_back(number);
    return known.cell;
  }
  /// They form a ring, each with the number of its keys.
  void link_descriptors() {
    for (std::size_t i = 0; i < in_use_.size(); ++i) {
      const Descriptor& one = descriptors_[in_use_[i]];
      put(one.cell, 4, descriptors_[in_use_[(i + 1) % in_use_.size()]].cell);
      put(one.cell, 8, descriptors_[in_use_[(i + in_use_.size() - 1) % in_use_.size()]].cell);
      put(one.cell, 12, one.keys);
    }
  }

  void base_block(std::uint32_t root, std::string_view name) {
    const auto base = std::span{out_}.first(block_size);
    store_text(base, "regf");
    store32(base.subspan(4), 1);  // both sequence numbers: nothing is waiting in a log
    store32(base.subspan(8), 1);
    store64(base.subspan(12), time_);
    store32(base.subspan(20), major_version);
    store32(base.subspan(24), minor_version);
    store32(base.subspan(32), 1);  // loaded directly
    store32(base.subspan(36), root);
    store32(base.subspan(40), static_cast<std::uint32_t>(out_.size() - block_size));
    store32(base.subspan(44), 1);  // clustering factor
    const std::u16string wide = utf16_of(name).value_or(u"").substr(0, 31);
    for (std::size_t i = 0; i < wide.size(); ++i) store16(base.subspan(48 + 2 * i), wide[i]);
    store32(base.subspan(508), checksum(base));
  }

  struct Descriptor {
    std::uint32_t cell = 0;
    std::uint32_t keys = 0;
  };

  const RegistryTree& tree_;
  std::uint64_t time_;
  std::vector<std::byte> out_;
  std::size_t free_ = block_size;  ///< where the next cell begins
  std::size_t largest_value_ = 0;
  std::vector<Descriptor> descriptors_;
  std::vector<std::uint32_t> in_use_;  ///< descriptors, in the order of their cells
};

}  // namespace

Result<std::vector<std::byte>> build_hive(const RegistryTree& tree, std::string_view name, std::time_t time,
                                          std::uint64_t max_bytes) {
  return HiveWriter{tree, time}.run(name, max_bytes);
}

}  // namespace flashline::imaging
